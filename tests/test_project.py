"""The project as a whole: what DVC runs, what it tracks, and what it shows."""

import ast
import json
import subprocess
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo
from dvc.stage import PipelineStage

from scripts.demo import ROOT, copy_project, dvc, override


def stages_of(project: Path) -> dict[str, PipelineStage]:
    """The stages of a DVC project by name, each instance of a matrix on its own."""
    with Repo(str(project)) as repo:
        return {stage.name: stage for stage in repo.index.stages}


def module_files(module: str, root: Path) -> set[Path]:
    """The file of a module or package within `root`, if it is one, and the non-empty `__init__.py` files above it."""
    path = root.joinpath(*module.split("."))
    files = [path.with_suffix(".py"), path / "__init__.py", *(parent / "__init__.py" for parent in path.parents)]
    return {file for file in files if file.is_relative_to(root) and file.is_file() and file.read_text().strip()}


def imported_modules(file: Path) -> set[str]:
    """The modules that a file may import, wherever in it: `from a import b` names both `a` and `a.b`."""
    modules = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}:{node.lineno}: a relative import"
            modules |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return modules


def import_closure(module: str, root: Path) -> set[str]:
    """The files within `root` that running a module reads as code, relative to `root`."""
    found: set[Path] = set()
    pending = module_files(module, root)
    while pending:
        found |= pending
        modules = set().union(*(imported_modules(file) for file in pending))
        pending = set().union(*(module_files(name, root) for name in modules)) - found
    return {file.relative_to(root).as_posix() for file in found}


def test_import_closure_follows_imports_of_imports(tmp_path):
    sources = {
        "stages/run.py": "import json\nfrom stages.ser import first\n",
        "stages/ser/first.py": "def late():\n    from stages.ser.second import value\n",
        "stages/ser/second.py": "value = 1\n",
        "stages/ser/unused.py": "value = 2\n",
        "stages/__init__.py": "",
        "stages/ser/__init__.py": "answer = 42\n",
    }
    for name, text in sources.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    expected = {"stages/run.py", "stages/ser/first.py", "stages/ser/second.py", "stages/ser/__init__.py"}
    assert import_closure("stages.run", tmp_path) == expected


@pytest.mark.parametrize("name", sorted(stages_of(ROOT)))
def test_stage_declares_the_code_it_imports_and_no_other(name):
    stage = stages_of(ROOT)[name]
    module = stage.cmd.split()[2]
    assert stage.cmd.startswith(f"python -m {module}")
    declared = {dep.def_path for dep in stage.deps if dep.def_path.endswith(".py")}
    imported = import_closure(module, ROOT)
    assert declared == imported, f"{name}: missing {imported - declared}, surplus {declared - imported}"


def test_every_stage_says_what_it_does():
    assert [name for name, stage in stages_of(ROOT).items() if not stage.desc] == []


@pytest.mark.skipif(not (ROOT / "dvc.lock").exists(), reason="no run is committed yet")
def test_lock_covers_every_stage():
    lock = yaml.safe_load((ROOT / "dvc.lock").read_text(encoding="utf-8"))
    assert lock["stages"].keys() == stages_of(ROOT).keys()


def test_pipeline_leaves_every_output(demo_project):
    outputs = [Path(out.fs_path) for stage in stages_of(demo_project).values() for out in stage.outs]
    assert outputs
    assert [path for path in outputs if not path.exists()] == []


def test_second_repro_runs_nothing(demo_project):
    printed = dvc(demo_project, "repro", capture_output=True).stdout
    assert "Running stage" not in printed
    assert "Data and pipelines are up to date." in printed
    assert json.loads(dvc(demo_project, "status", "--json", capture_output=True).stdout) == {}


def test_metrics_are_shown_for_every_model(demo_project):
    shown = json.loads(dvc(demo_project, "metrics", "show", "--json", capture_output=True).stdout)[""]["data"]
    for model in ("cnn", "lstm", "hybrid"):
        assert 0 <= shown[f"metrics/{model}.json"]["data"]["test"]["accuracy"] <= 1


def test_plots_are_written_without_complaint(demo_project, tmp_path):
    shown = dvc(demo_project, "plots", "show", "--out", str(tmp_path), capture_output=True)
    assert "failed" not in shown.stderr
    assert "vega" in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_params_diff_names_the_changed_param(tmp_path):
    copy_project(tmp_path, {})
    dvc(tmp_path, "config", "--local", "--unset", "core.no_scm")
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
    for command in (["init"], ["add", "."], [*identity, "commit", "--message", "all"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True, capture_output=True)
    params = yaml.safe_load((tmp_path / "params.yaml").read_text())
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(override(params, {"split.seed": 7})))
    shown = json.loads(dvc(tmp_path, "params", "diff", "--json", capture_output=True).stdout)
    assert shown["params.yaml"].keys() == {"split.seed"}


def test_override_refuses_an_unknown_param():
    with pytest.raises(KeyError, match="sed"):
        override({"split": {"seed": 42}}, {"split.sed": 43})
