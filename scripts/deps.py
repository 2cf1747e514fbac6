"""Write the code that each stage imports into its `deps`, in every dvc.yaml; the rest of the file stays.

DVC does not follow imports. So each stage lists the project's files that its script imports, directly or not. Stages
that share a list (a YAML alias) get the code of all of them.
"""

import os
import re
from collections.abc import Iterator
from modulefinder import ModuleFinder
from pathlib import Path

from ruamel.yaml.nodes import MappingNode, Node

from scripts.projects import PROJECTS, ROOT
from ser.storage.errors import reporting
from ser.storage.files import replacing
from ser.storage.yaml12 import compose_yaml

COMMAND = re.compile(r"python -m ([\w.]+)(?: (\w+\.[\w.]+))?")  # a module, or one that runs another


def imported_files(module: str, root: Path) -> set[Path]:
    """Return the files within `root` that running a module imports, itself included; empty ones do not count."""
    finder = ModuleFinder(path=[str(root)])
    finder.run_script(str(root.joinpath(*module.split(".")).with_suffix(".py")))
    files = {Path(found.__file__) for found in finder.modules.values() if found.__file__}
    packages = [module.rpartition(".")[0].split(".")[: depth + 1] for depth in range(module.count("."))]
    files |= {root.joinpath(*parts, "__init__.py") for parts in packages}
    return {file for file in files if file.is_relative_to(root) and file.stat().st_size}


def with_code(text: str, folder: Path, root: Path) -> str:
    """Return the text of a dvc.yaml in `folder` with the lists of code anew; ValueError names a stage without deps."""
    lines = text.splitlines(keepends=True)
    for key, items, modules in sorted(_lists(text), key=lambda found: -found[0]):
        files = set().union(*(imported_files(module, root) for module in modules))
        names = sorted(Path(os.path.relpath(file, folder)).as_posix() for file in files)
        indent = " " * (len(lines[key]) - len(lines[key].lstrip()) + 2)
        code = [line for line, name in items if name.endswith(".py")]
        kept = [line for line, name in items if not name.endswith(".py")]
        last = max(kept, default=key)
        inserted = [f"{indent}- {name}\n" for name in sorted(names, key=lambda name: (name.startswith(".."), name))]
        lines[last] += "".join(inserted)
        for line in code:
            lines[line] = ""
    return "".join(lines)


def _lists(text: str) -> Iterator[tuple[int, list[tuple[int, str]], set[str]]]:
    """Yield each list of deps once: the line of its key, its items with their lines, and the modules that need it."""
    found: dict[int, tuple[int, list[tuple[int, str]], set[str]]] = {}
    for stage, body in _mapping(_mapping(compose_yaml(text))["stages"][1]).items():
        entries = _mapping(body[1])
        if "deps" not in entries:
            raise ValueError(f"stage {stage}: has no deps; write `deps:` and `make deps` fills in its code")
        key, deps = entries["deps"]
        items = [(item.start_mark.line, item.value) for item in deps.value] if deps.value else []
        _, _, modules = found.setdefault(deps.start_mark.index, (key.start_mark.line, items, set()))
        modules |= {module for found in COMMAND.findall(entries["cmd"][1].value) for module in found if module}
    yield from found.values()


def _mapping(node: MappingNode) -> dict[str, tuple[Node, Node]]:
    return {key.value: (key, value) for key, value in node.value}


def main() -> None:
    for project in PROJECTS:
        path = ROOT / project / "dvc.yaml"
        before = path.read_text(encoding="utf-8")
        after = with_code(before, path.parent, ROOT)
        if after != before:
            with replacing(path) as temporary:
                temporary.write_text(after, encoding="utf-8")
            print(f"{path.relative_to(ROOT)}: lists of code written anew")


if __name__ == "__main__":
    with reporting("deps"):
        main()
