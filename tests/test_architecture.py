"""The house: packages of the library stand on one another in one order, and nothing imports its clients."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.demo import ROOT

# Each package may import those before it, and itself
ORDER = (
    "storage",
    "arithmetic",
    "adaptation",
    "corpora",
    "data",
    "features",
    "networks",
    "evaluation",
    "training",
    "encoders",
    "models",
    "bundles",
)
# Installed without torch: each may import those before it, and the clip table's emotions; the first has the command
STANDALONE = ("inference", "service")
COMMAND = "ser.inference.command"  # starts what stands on it, too
CLIENTS = ("stages", "studies", "release", "fusion", "benchmarks", "scripts")
LIBRARY = sorted((ROOT / "ser").rglob("*.py"))
RUNNABLE = {
    path for client in CLIENTS for path in (ROOT / client).rglob("*.py") if '__name__ == "__main__"' in path.read_text()
}


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def package_of(path: Path) -> str:
    """The package below `ser` that a file is in."""
    return (path.relative_to(ROOT).parts[1:-1] or ("ser",))[0]


def imports_of(path: Path) -> Iterator[str]:
    """The modules that a file imports, `from a import b` as both `a` and `a.b`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))


def test_every_package_has_its_place_in_the_order():
    assert {package_of(path) for path in LIBRARY} - {"ser"} == {*ORDER, *STANDALONE}


@pytest.mark.parametrize("path", LIBRARY, ids=module_of)
def test_library_imports_nothing_that_stands_on_it(path):
    imported = {name.split(".")[1] for name in imports_of(path) if name.startswith("ser.")}
    package = package_of(path)
    if package in STANDALONE:
        before = STANDALONE.index(package) + 1 if module_of(path) != COMMAND else None
        allowed = (*STANDALONE[:before], "corpora", "adaptation")
    else:
        allowed = ORDER[: ORDER.index(package) + 1] if package in ORDER else ()
    assert imported <= set(allowed)
    assert not [name for name in imports_of(path) if name.split(".")[0] in CLIENTS]


@pytest.mark.parametrize("path", LIBRARY, ids=module_of)
def test_library_parses_no_command_line_names_no_path_and_reads_no_params_file(path):
    assert "argparse" not in set(imports_of(path)) or package_of(path) in STANDALONE
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = [
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Path"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    ]
    assert named == []


@pytest.mark.parametrize("path", sorted(RUNNABLE), ids=module_of)
def test_scripts_of_the_pipeline_import_no_script(path):
    if path.relative_to(ROOT).parts[0] in ("scripts", "benchmarks"):  # tools, which run one another on purpose
        return
    scripts = {module_of(script) for script in RUNNABLE}
    assert not scripts & set(imports_of(path))


@pytest.mark.parametrize("path", [path for path in LIBRARY if path.name == "__init__.py"], ids=module_of)
def test_packages_run_nothing(path):
    assert not path.read_text(encoding="utf-8")
