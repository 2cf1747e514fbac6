"""List every input that changed since the runs behind each dvc.lock, from dvc.yaml and the files; needs no data."""

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from dvc.dependency.param import ParamsDependency
from dvc.exceptions import DvcException
from dvc.output import Output
from dvc.repo import Repo
from dvc.stage import PipelineStage
from dvc.utils.flatten import flatten
from ruamel.yaml.nodes import MappingNode

from scripts.projects import PROJECTS
from ser.storage.errors import reporting
from ser.storage.yaml12 import compose_yaml

NO_GIT = {"core": {"no_scm": True}}  # nothing here depends on git, which may be missing


class Change(NamedTuple):
    """A change since the run behind dvc.lock."""

    file: str
    what: str  # how it changed since that run
    line: int = 0  # of the param in its file; 0: the file as a whole
    stale: bool = True  # False: the stage was never run, and git has nothing that it writes


def stale_inputs(repo: Repo, makers: dict[str, Output] | None = None) -> dict[Change, list[str]]:
    """Return the stages behind each change: inputs, commands and outputs in git that are not those of dvc.lock.

    It is `dvc status` but for what a clone without data lacks: an output of a stage that is not there counts only where
    the lock names another checksum for a stage that reads it than for its maker. makers: the outputs of all projects
    that the repository's stages may read, by their paths; None: those of the repository itself.
    """
    makers = cached_outputs(repo) if makers is None else makers
    found: dict[Change, list[str]] = {}
    with repo.lock:
        for stage in repo.index.stages:
            for change in _changes(stage, makers):
                found.setdefault(change, []).append(stage.name)
    return found


def cached_outputs(repo: Repo) -> dict[str, Output]:
    """Return the outputs that git does not have, by their paths."""
    return {out.fs_path: out for stage in repo.index.stages for out in stage.outs if out.use_cache}


def check_projects(root: Path) -> dict[Change, list[str]]:
    """Return what is stale in all projects of a checkout, the files named from its top folder."""
    found: dict[Change, list[str]] = {}
    with contextlib.ExitStack() as stack:
        repos = {project: stack.enter_context(Repo(str(root / project), config=NO_GIT)) for project in PROJECTS}
        makers = {path: out for repo in repos.values() for path, out in cached_outputs(repo).items()}
        for project, repo in repos.items():
            for change, stages in stale_inputs(repo, makers).items():
                file = Path(os.path.relpath(root / project / change.file, root)).as_posix()
                found.setdefault(change._replace(file=file), []).extend(stages)
    return found


def _changes(stage: PipelineStage, makers: dict[str, Output]) -> Iterator[Change]:
    if not any(out.hash_info for out in stage.outs):
        kept = any(out.exists for out in stage.outs if not out.use_cache)
        yield Change("dvc.yaml", f"{stage.name} is not in dvc.lock", stale=kept)
        return
    if stage.cmd_changed:
        yield Change("dvc.yaml", f"cmd of {stage.name} modified")
    for file in (*stage.deps, *stage.outs):
        if isinstance(file, ParamsDependency):
            yield from _param_changes(file)
        elif file.fs_path in makers and not file.exists:
            maker = makers[file.fs_path]
            if file.hash_info != maker.hash_info:
                yield Change("dvc.lock", f"{file.def_path} is not the one that {maker.stage.name} made")
        elif not _lacks_data(file, makers):
            yield from (Change(file.def_path, what) for what in file.workspace_status().values())


def _lacks_data(folder: Output, makers: dict[str, Output]) -> bool:
    """Whether something is missing in a folder that stages write to, so that it cannot be compared."""
    return any(path.startswith(f"{folder.fs_path}{os.sep}") and not out.exists for path, out in makers.items())


def _param_changes(dep: ParamsDependency) -> Iterator[Change]:
    """Yield the leaves that differ from those of the run."""
    old, new = (flatten(dict(params)) for params in (dep.hash_info.value or {}, dep.read_params()))
    for key in sorted({*old, *new}):
        if old.get(key) != new.get(key):
            yield Change(dep.def_path, f"{key} {old.get(key, 'none')} → {new.get(key, 'none')}", _line_of(key, dep))


def _line_of(key: str, dep: ParamsDependency) -> int:
    """Return the line of a leaf in a YAML file, or of the last of its sections that is there."""
    with dep.fs.open(dep.fs_path, encoding="utf-8") as file:
        node, line = compose_yaml(file.read()), 0
    for name in key.split("."):
        for child, value in node.value if isinstance(node, MappingNode) else ():
            if child.value == name:
                node, line = value, child.start_mark.line + 1
                break
    return line


def annotate(change: Change, stages: Iterable[str], in_github: bool) -> str:
    """Write a change as a line for a terminal, or as the command that puts it beside the file in a pull request."""
    message = f"{change.what}; not rerun: {shortened(stages)}"
    if not in_github:
        return f"{change.file}{f':{change.line}' if change.line else ''}: {message}"
    place = f"file={change.file}{f',line={change.line}' if change.line else ''}"
    return f"::error {place},title=dvc.lock is stale::{message.replace('%', '%25')}"


def shortened(stages: Iterable[str], shown: int = 5) -> str:
    """Name the first stages, and how many there are beside them."""
    names = list(stages)
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")


def main() -> None:
    try:
        found = check_projects(Path.cwd())
    except (OSError, DvcException) as error:
        raise SystemExit(f"check_lock: {error}") from error
    stale = {change: stages for change, stages in found.items() if change.stale}
    for change, stages in stale.items():
        print(annotate(change, stages, in_github=os.environ.get("GITHUB_ACTIONS") == "true"))
    if never := [stage for change, stages in found.items() if not change.stale for stage in stages]:
        print(f"not run yet, and nothing of it in git: {shortened(never)}")
    if stale:
        sys.exit(f"{len(stale)} changes since the runs in dvc.lock: run `make results` and commit what it writes")
    print("every dvc.lock is that of these files")


if __name__ == "__main__":
    with reporting("check_lock"):
        main()
