"""What the stages of a run opened and read, as `tests/audit/sitecustomize.py` notes it inside them."""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from dvc.dependency.param import ParamsDependency
from dvc.stage import PipelineStage

from tests.pipeline import code_of, declared_files, declared_params, read_leaves

AUDIT = Path(__file__).parent / "audit"
# `.cnn.csv.123` and `.123.cnn.csv`: what process 123 renames to `cnn.csv` when it is whole
TEMPORARY = re.compile(r"(?<![^/])\.(?:\d+\.(?P<last>[^/]+)|(?P<first>[^/]+)\.\d+)(?=/|$)")
COMPILED = re.compile(r"__pycache__/([^./]+)\.[^/]+$")


class Notes(NamedTuple):
    """What one stage did: paths relative to the project, params by their dotted names."""

    reads: set[str]
    writes: set[str]
    params: set[str]


@contextlib.contextmanager
def noting(folder: Path) -> Iterator[None]:
    """Let every stage that DVC runs within the block note into `folder` what it does."""
    folder.mkdir(parents=True, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STAGE_NOTES", str(folder))
        patch.setenv("PYTHONPATH", str(AUDIT), prepend=os.pathsep)
        yield


def read_notes(folder: Path, stage: str) -> Notes:
    """Read what a stage noted, by the names of the source where it is code and the final names of outputs."""
    found: dict[str, set[str]] = {"read": set(), "write": set(), "param": set()}
    for line in (folder / stage).read_text(encoding="utf-8").splitlines():
        kind, _, what = line.partition(" ")
        found[kind].add(TEMPORARY.sub(lambda match: match["last"] or match["first"], what))
    reads = {COMPILED.sub(r"\1.py", path) for path in found["read"]}
    writes = {path for path in found["write"] if "__pycache__" not in path}
    return Notes(
        *({path for path in paths if not path.startswith(".resume")} for paths in (reads, writes)), found["param"]
    )


def code_violations(stage: PipelineStage, project: Path) -> list[str]:
    """Say where the code that a stage imports is not the code that it declares."""
    imported = code_of(stage, project)
    declared = {path for path in declared_files(stage) if path.endswith(".py")}
    return _differences(stage, imported, declared, "imports {}", "importing it")


def param_violations(stage: PipelineStage, project: Path, notes: Notes) -> list[str]:
    """Say where the params that a stage read are not those that it declares."""
    declared = declared_params(stage, read_leaves(project).keys())
    return _differences(stage, notes.params, declared, "reads the param {}", "reading it")


def file_violations(stage: PipelineStage, project: Path, notes: Notes) -> list[str]:
    """Say where the files that a stage opened are not those that it declares; a folder stands for all that is in it."""
    deps, outs = declared_files(stage), {out.def_path for out in stage.outs}
    folders = {str(parent) for dep in deps if dep.endswith(".py") for parent in Path(dep).parents}
    free = outs | folders - {"."}  # Python lists the folders of code
    free |= {"params.yaml"} if any(isinstance(dep, ParamsDependency) for dep in stage.deps) else set()
    read = {path for path in notes.reads if path not in free and not _is_empty(project / path)}
    reads = {_owner(path, deps | outs) for path in read} - outs
    writes = {_owner(path, outs) for path in notes.writes}
    return _differences(stage, reads, deps, "opens {}", "opening it") + _differences(
        stage, writes, outs, "writes {}", "writing it"
    )


def _differences(stage: PipelineStage, used: set[str], declared: set[str], use: str, using: str) -> list[str]:
    undeclared = [f"{stage.name}: {use.format(name)} without declaring it" for name in sorted(used - declared)]
    return undeclared + [f"{stage.name}: declares {name} without {using}" for name in sorted(declared - used)]


def _owner(path: str, declared: set[str]) -> str:
    """The declared file or folder that a path is or lies in; the path itself where there is none."""
    return next((name for name in declared if f"{path}/".startswith(f"{name}/")), path)


def _is_empty(path: Path) -> bool:
    """Whether this is a file that says nothing, as each `__init__.py`: the check of imports refuses one with text."""
    return path.is_file() and not path.stat().st_size
