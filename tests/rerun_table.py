"""What reruns when, by what the stages declare; `python -m tests.rerun_table` writes it to docs/RERUNS.md."""

from pathlib import Path
from typing import NamedTuple

import networkx
from dvc.repo import Repo
from dvc.stage import PipelineStage

from scripts.demo import ROOT
from tests.pipeline import NO_GIT, declared_files, declared_params, read_leaves, stages_of

PAGE = ROOT / "docs/RERUNS.md"

INTRODUCTION = """# What reruns when

`dvc repro` runs a stage when something that it declares has changed: ● where the change itself marks the stage, ○ where
it may change an input of the stage. A stage under ○ runs only if the bytes of that input do change: after a new comment
in the training loop the networks train again, and if their predictions come out as before, nothing is evaluated.

`python -m tests.rerun_table` writes this page. A test changes each param and each file alone, in a copy of a finished
run, and fails where DVC says anything else; another, where a stage imports, opens or reads what it does not declare.
Which stages your own change marks, `dvc status` says.
"""

FOOTNOTE = """`evaluate` has an instance a model; a name beside the mark says that only this one may run.
The `__init__.py` files are empty and not declared; a test refuses text in them.
"""


class Matrix(NamedTuple):
    """Which stages of a finished run are concerned when one thing alone changes."""

    stages: list[str]  # in the order of dvc.yaml
    params: dict[str, set[str]]  # by the param that changed: the stages that `dvc status` marks
    files: dict[str, set[str]]  # by the file
    downstream: dict[str, set[str]]  # by the stage: those that read what it writes, and what they write, and so on

    def may_run(self, marked: set[str]) -> set[str]:
        """The marked stages and all those whose inputs may change with them."""
        return marked.union(*(self.downstream[stage] for stage in marked))


def declared_matrix(project: Path) -> Matrix:
    """What `dvc.yaml` promises."""
    with Repo(str(project), config=NO_GIT) as repo:
        stages, graph = repo.index.stages, repo.index.graph  # the graph leads from a stage to those that it reads from
        leaves = read_leaves(project).keys()
        files = [path.relative_to(project).as_posix() for path in source_files(project)]
        return Matrix(
            [stage.name for stage in stages],
            {leaf: {stage.name for stage in stages if leaf in declared_params(stage, leaves)} for leaf in leaves},
            {file: {stage.name for stage in stages if declares(stage, file)} for file in files},
            {stage.name: {reader.name for reader in networkx.ancestors(graph, stage)} for stage in stages},
        )


def declares(stage: PipelineStage, file: str) -> bool:
    """Whether a stage declares a file, or a folder that it is in."""
    return any(f"{file}/".startswith(f"{declared}/") for declared in declared_files(stage))


def source_files(project: Path) -> list[Path]:
    """All that the stages read and no stage writes: committed inputs, the scripts, and what they use of the library."""
    used = {path for stage in stages_of(project).values() for path in declared_files(stage)}
    library = sorted(path.relative_to(project).as_posix() for path in (project / "ser").rglob("*.py"))
    scripts = sorted((project / "stages").glob("*.py"))
    inputs = [project / "data/manifests/ravdess.md5", project / "data/design.csv", project / "scripts/run.py"]
    return [*inputs, *scripts, *(project / path for path in library if path in used)]


def render(matrix: Matrix) -> str:
    """The page: a table of params, one row where all keys of a section rerun the same stages, and a table of files."""
    files = {f"`{path}`": marked for path, marked in matrix.files.items() if not path.endswith("__init__.py")}
    tables = (("Param", grouped(matrix.params)), ("File", files))
    parts = [INTRODUCTION]
    for title, rows in tables:
        header = [title, *(column.replace("_", " ") for column in columns(matrix))]
        parts.append(f"## {title}s\n")
        parts.append(table_row(header) + "\n" + table_row(["---", *[":-:"] * (len(header) - 1)]))
        parts[-1] += "".join("\n" + table_row([row, *marks(matrix, marked)]) for row, marked in rows.items()) + "\n"
    return "\n".join([*parts, FOOTNOTE])


def grouped(params: dict[str, set[str]]) -> dict[str, set[str]]:
    """Join the keys of a section that mark the same stages into one row."""
    sections: dict[str, dict[frozenset[str], list[str]]] = {}
    for key, marked in params.items():
        section, _, name = key.partition(".")
        sections.setdefault(section, {}).setdefault(frozenset(marked), []).append(name)
    rows = {}
    for section, groups in sections.items():
        for marked, names in groups.items():
            several = len(groups) == 1 and len(names) > 1
            rows[f"`{section}`: " + ("every key" if several else ", ".join(names))] = set(marked)
    return rows


def columns(matrix: Matrix) -> list[str]:
    """The stages, the instances of a matrix as one."""
    return list(dict.fromkeys(stage.partition("@")[0] for stage in matrix.stages))


def marks(matrix: Matrix, marked: set[str]) -> list[str]:
    """The cells of one row."""
    may_run = matrix.may_run(marked)
    cells = []
    for column in columns(matrix):
        instances = {stage for stage in matrix.stages if stage.partition("@")[0] == column}
        running = instances & may_run
        mark = "●" if running & marked else "○" if running else ""
        names = [stage.partition("@")[2] for stage in matrix.stages if stage in running]
        cells.append(mark if running in (set(), instances) else f"{mark} {', '.join(names)}")
    return cells


def table_row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    PAGE.write_text(render(declared_matrix(ROOT)), encoding="utf-8")
