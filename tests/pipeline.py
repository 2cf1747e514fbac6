"""What the pipeline declares and what its scripts import, and copies of a finished run to change."""

import ast
import hashlib
import re
import shutil
from pathlib import Path
from typing import Any

import yaml
from dvc.dependency.param import ParamsDependency
from dvc.repo import Repo
from dvc.stage import PipelineStage

from ser.storage.dotted import leaves, override
from ser.storage.yaml12 import read_yaml

NO_GIT = {"core": {"no_scm": True}}  # for Repo: what is declared does not depend on a checkout


def stages_of(project: Path) -> dict[str, PipelineStage]:
    """The stages of a DVC project by name, each instance of a matrix on its own."""
    with Repo(str(project), config=NO_GIT) as repo:
        return {stage.name: stage for stage in repo.index.stages}


def module_of(stage: PipelineStage) -> str:
    """The module that a stage runs."""
    return re.fullmatch(r"(?:cd (?:\.\./?)+ && )?python -m scripts\.run ([\w.]+).*", stage.cmd)[1]


def code_of(stage: PipelineStage, root: Path) -> set[str]:
    """The files of the project that a stage imports, and what runs it."""
    return import_closure("scripts.run", root) | import_closure(module_of(stage), root)


def declared_files(stage: PipelineStage) -> set[str]:
    """The files and folders that a stage declares to read."""
    return {dep.def_path for dep in stage.deps if not isinstance(dep, ParamsDependency)}


def declared_params(stage: PipelineStage, leaves: set[str]) -> set[str]:
    """Those of the leaves of `params.yaml` that a stage declares, by their own name or that of a section."""
    names = {name for dep in stage.deps if isinstance(dep, ParamsDependency) for name in dep.params}
    return {leaf for leaf in leaves if any(f"{leaf}.".startswith(f"{name}.") for name in names)}


def read_leaves(project: Path) -> dict[str, Any]:
    """The values in `params.yaml` by their dotted names."""
    return leaves(read_yaml(project / "params.yaml"))


def locked_md5(project: Path, path: str) -> str:
    """The MD5 of an output in `dvc.lock`."""
    locks = read_yaml(project / "dvc.lock")["stages"].values()
    return next(out["md5"] for lock in locks for out in lock["outs"] if out["path"] == path)


def output_digests(project: Path, stages: set[str] | None = None) -> dict[str, str]:
    """The MD5 of every file that the stages in `dvc.lock`, or some of them, wrote, as it lies there, by its path."""
    locks = read_yaml(project / "dvc.lock")["stages"]
    outs = [project / out["path"] for stage in stages or locks for out in locks[stage]["outs"]]
    files = [file for out in outs for file in ([out] if out.is_file() else sorted(out.rglob("*"))) if file.is_file()]
    return {file.relative_to(project).as_posix(): hashlib.md5(file.read_bytes()).hexdigest() for file in files}


def change_param(project: Path, key: str, value: object) -> None:
    """Set a param in `params.yaml` by its dotted name."""
    path = project / "params.yaml"
    params = override(read_yaml(path), {key: value})
    path.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")


def copy_finished(project: Path, destination: Path) -> Path:
    """Copy a project with its outputs and cache."""
    ignored = shutil.ignore_patterns("__pycache__", "tmp")
    return shutil.copytree(project, destination, ignore=ignored)


def offer_as_ravdess(project: Path, source: Path) -> None:
    """Make the project's clips those of the manifest, with a copy in `source` for RAVDESS_SOURCE to name."""
    shutil.copytree(project / "data/raw", source)
    clips = sorted(source.rglob("*.wav"))
    lines = [f"{hashlib.md5(clip.read_bytes()).hexdigest()}  {clip.relative_to(source).as_posix()}" for clip in clips]
    (project / "data/manifests/ravdess.md5").write_text("\n".join(lines) + "\n", encoding="utf-8")
    change_param(project, "corpus.name", "ravdess")


def import_closure(module: str, root: Path) -> set[str]:
    """The files within `root` that running a module reads as code, relative to `root`; empty ones do not count."""
    found: set[Path] = set()
    pending = _module_files(module, root)
    while pending:
        found |= pending
        modules = set().union(*(_imported_modules(file) for file in pending))
        pending = set().union(*(_module_files(name, root) for name in modules)) - found
    return {file.relative_to(root).as_posix() for file in found}


def _module_files(module: str, root: Path) -> set[Path]:
    """The file of a module or package within `root`, if it is one, and the non-empty `__init__.py` files above it."""
    path = root.joinpath(*module.split("."))
    files = [path.with_suffix(".py"), path / "__init__.py", *(parent / "__init__.py" for parent in path.parents)]
    return {file for file in files if file.is_relative_to(root) and file.is_file() and file.read_text().strip()}


def _imported_modules(file: Path) -> set[str]:
    """The modules that a file may import, wherever in it: `from a import b` names both `a` and `a.b`."""
    modules = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}:{node.lineno}: a relative import"
            modules |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return modules
