"""List every function and class that differs between two revisions of the code; names of imports do not count.

`python -m scripts.compare_functions 4b69aad` compares with the working tree. Where code only moved, nothing is listed:
docstrings, comments, the module that something stands in and names given in `--renamed old=new` do not count.
"""

import argparse
import ast
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from scripts.children import GitError, git
from ser.storage.errors import reporting


def definitions(text: str) -> Iterator[tuple[str, ast.AST]]:
    """Yield each function by its name, methods by that of their class and their own; a class without its methods."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            methods = [child for child in node.body if isinstance(child, ast.FunctionDef)]
            yield from ((f"{node.name}.{method.name}", method) for method in methods)
            node.body = [child for child in node.body if child not in methods] or [ast.Pass()]
            yield node.name, node


def signature(node: ast.AST, renamed: Mapping[str, str]) -> str:
    """Return what a definition does as text: its syntax tree without docstring, type hints and own name."""
    for child in ast.walk(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            child.body = child.body[1:] if ast.get_docstring(child) is not None else child.body
            child.body = child.body or [ast.Pass()]
            child.name = ""
        for field in ("annotation", "returns"):
            if isinstance(getattr(child, field, None), ast.AST):
                setattr(child, field, ast.Constant(None))
        for field in ("id", "attr", "arg", "value"):
            if isinstance(getattr(child, field, None), str):
                setattr(child, field, renamed.get(getattr(child, field), getattr(child, field)))
    return ast.dump(node)


def collect(files: Mapping[str, str], renamed: Mapping[str, str]) -> dict[str, Counter]:
    """Return the text of all definitions by their names, renamed ones by the new ones."""
    found: dict[str, Counter] = defaultdict(Counter)
    for text in files.values():
        for name, node in definitions(text):
            parts = ".".join(renamed.get(part, part) for part in name.split("."))
            found[parts][signature(node, renamed)] += 1
    return found


def read_revision(revision: str) -> dict[str, str]:
    """Return the Python files of a revision by their paths, without tests."""
    names = git(Path.cwd(), "ls-tree", "-r", "--name-only", revision).decode().splitlines()
    names = [name for name in names if name.endswith(".py") and not name.startswith("tests/")]
    return {name: git(Path.cwd(), "show", f"{revision}:{name}").decode() for name in names}


def read_tree() -> dict[str, str]:
    """Return the Python files of the working tree by their paths, without tests."""
    names = git(Path.cwd(), "ls-files", "-co", "--exclude-standard", "*.py").decode().splitlines()
    return {name: Path(name).read_text(encoding="utf-8") for name in names if not name.startswith("tests/")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("revision", help="a commit, branch or tag")
    parser.add_argument("--renamed", nargs="*", default=[], metavar="OLD=NEW", help="names that changed")
    arguments = parser.parse_args()
    renamed = dict(pair.split("=") for pair in arguments.renamed)
    try:
        old, new = collect(read_revision(arguments.revision), renamed), collect(read_tree(), renamed)
    except GitError as error:
        raise SystemExit(f"compare_functions: {error}") from None
    same = sum((old[name] & new[name]).total() for name in old.keys() & new.keys())
    print(f"{same} of {sum(map(Counter.total, old.values()))} functions and classes are the same")
    for title, names in (
        ("differ", [name for name in old.keys() & new.keys() if not old[name] & new[name]]),
        ("gone", old.keys() - new.keys()),
        ("new", new.keys() - old.keys()),
    ):
        print(f"\n{title} ({len(names)}): {', '.join(sorted(names))}")


if __name__ == "__main__":
    with reporting("compare_functions"):
        main()
