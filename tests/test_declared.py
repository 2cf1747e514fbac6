"""Declared = used: a stage imports, reads and writes all that `dvc.yaml` says, and nothing else; breaches are named."""

import os
import shutil
import sys

import pytest
import yaml

from scripts.demo import ROOT, copy_project, dvc
from scripts.projects import PROJECTS
from tests.pipeline import code_of, copy_finished, declared_files, import_closure, offer_as_ravdess, stages_of
from tests.recording import Notes, code_violations, file_violations, noting, param_violations, read_notes

STAGES = stages_of(ROOT)
# Instances of a matrix import what the first one does
OTHERS = {
    (project.as_posix(), stage.name.partition("@")[0]): stage
    for project in PROJECTS[1:]
    for stage in reversed(list(stages_of(ROOT / project).values()))
}
needs_inotify = pytest.mark.skipif(sys.platform != "linux", reason="what C libraries open is seen by inotify")


@pytest.fixture(scope="module")
def notes(demo_project, tmp_path_factory) -> dict[str, Notes]:
    """What every stage did in the run on the synthetic corpus, and fetch also in one on clips like the real ones."""
    folder = tmp_path_factory.mktemp("declared")
    project = copy_finished(demo_project, folder / "project")
    shutil.copytree(demo_project.parent / "notes", folder / "notes")
    offer_as_ravdess(project, folder / "clips")
    with noting(folder / "notes"), pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAVDESS_SOURCE", str(folder / "clips"))
        dvc(project, "repro", "--single-item", "fetch")
    return {stage: read_notes(folder / "notes", stage) for stage in STAGES}


@pytest.mark.parametrize("name", STAGES)
def test_stage_imports_the_code_it_declares_and_no_other(name):
    assert code_violations(STAGES[name], ROOT) == []


@pytest.mark.parametrize("key", OTHERS, ids="/".join)
def test_stage_of_another_project_imports_the_code_it_declares_and_no_other(key):
    project, stage = key[0], OTHERS[key]
    declared = {os.path.normpath(f"{project}/{path}") for path in declared_files(stage) if path.endswith(".py")}
    assert declared == code_of(stage, ROOT)


@needs_inotify
@pytest.mark.parametrize("name", STAGES)
def test_stage_reads_the_params_it_declares_and_no_other(name, notes, demo_project):
    assert param_violations(STAGES[name], demo_project, notes[name]) == []


@needs_inotify
@pytest.mark.parametrize("name", STAGES)
def test_stage_opens_the_files_it_declares_and_no_other(name, notes, demo_project):
    assert file_violations(STAGES[name], demo_project, notes[name]) == []


def test_import_closure_follows_imports_of_imports(tmp_path):
    sources = {
        "stages/run.py": "import json\nfrom ser import first\n",
        "ser/first.py": "def late():\n    from ser.second import value\n",
        "ser/second.py": "value = 1\n",
        "ser/unused.py": "value = 2\n",
        "stages/__init__.py": "",
        "ser/__init__.py": "answer = 42\n",
    }
    for name, text in sources.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    expected = {"stages/run.py", "ser/first.py", "ser/second.py", "ser/__init__.py"}
    assert import_closure("stages.run", tmp_path) == expected


# What follows shows that the checks see: one stage gets every kind of violation, run once

PLANTED_CODE = """
import subprocess
import sys

import lightgbm
import soundfile

import ser.corpora.wav
from ser.storage.yaml12 import read_yaml

PARAMS.read_text()
{**read_yaml(PARAMS)["synthetic"]}
Path("data/manifests/ravdess.md5").read_bytes()
soundfile.info("data/raw/Actor_01/03-01-01-01-01-01-01.wav")
subprocess.run([sys.executable, "-c", "open('LICENSE')"], check=True)
list(Path("metrics").iterdir())
Path("data/extra.csv").write_text("")
lightgbm.Booster(model_str=Path("models/hybrid/trees.txt").read_text()).save_model("models/other.txt")
"""
PLANTED_DEPS = ["data/design.csv", "ser/features/audio.py"]
PLANTED_PARAMS = ["mel.top_db"]

# What was planted, and what the checks say of it
PLANTED = {
    "undeclared import": "split: imports ser/corpora/wav.py without declaring it",
    "undeclared import, when run": "split: opens ser/corpora/wav.py without declaring it",
    "surplus code": "split: declares ser/features/audio.py without importing it",
    "surplus code, when run": "split: declares ser/features/audio.py without opening it",
    "undeclared param": "split: reads the param synthetic.actors without declaring it",
    "undeclared param of the same section": "split: reads the param synthetic.seed without declaring it",
    "unused param": "split: declares mel.top_db without reading it",
    "undeclared read": "split: opens data/manifests/ravdess.md5 without declaring it",
    "undeclared read by a C library": "split: opens data/raw/Actor_01/03-01-01-01-01-01-01.wav without declaring it",
    "undeclared read by a child process": "split: opens LICENSE without declaring it",
    "undeclared listing of a folder": "split: opens metrics without declaring it",
    "undeclared read of an output of another stage": "split: opens models/hybrid/trees.txt without declaring it",
    "unused file": "split: declares data/design.csv without opening it",
    "undeclared write": "split: writes data/extra.csv without declaring it",
    "undeclared write by a C library": "split: writes models/other.txt without declaring it",
}


@pytest.fixture(scope="module")
def found(demo_project, tmp_path_factory) -> list[str]:
    """All that the checks say of a stage with one violation of each kind."""
    folder = tmp_path_factory.mktemp("planted")
    project = copy_finished(demo_project, folder / "project")
    with (project / "stages/split.py").open("a", encoding="utf-8") as script:
        script.write(PLANTED_CODE)
    pipeline = yaml.safe_load((project / "dvc.yaml").read_text(encoding="utf-8"))
    pipeline["stages"]["split"]["deps"] += PLANTED_DEPS
    pipeline["stages"]["split"]["params"] += PLANTED_PARAMS
    (project / "dvc.yaml").write_text(yaml.safe_dump(pipeline), encoding="utf-8")
    with noting(folder / "notes"):
        dvc(project, "repro", "--single-item", "split")
    stage, notes = stages_of(project)["split"], read_notes(folder / "notes", "split")
    return (
        code_violations(stage, project)
        + param_violations(stage, project, notes)
        + file_violations(stage, project, notes)
    )


@needs_inotify
@pytest.mark.parametrize("kind", PLANTED)
def test_planted_violation_is_named(kind, found):
    assert PLANTED[kind] in found


@needs_inotify
def test_nothing_but_the_planted_violations_is_named(found):
    assert sorted(found) == sorted(PLANTED.values())


def test_output_that_is_never_written_is_named(tmp_path):
    copy_project(tmp_path, {})
    stage = stages_of(tmp_path)["split"]
    notes = Notes({dep.def_path for dep in stage.deps}, set(), set())
    assert file_violations(stage, tmp_path, notes) == ["split: declares data/splits.csv without writing it"]


def test_notes_use_final_names(tmp_path):
    lines = [
        "write data/.raw.123/Actor_01/a.wav",
        "write models/.cnn.123/.123.weights.pt",
        "write stages/__pycache__/split.pyc.9",
    ]
    lines += ["read ser/storage/__pycache__/files.cpython-311.pyc", "read data/.hidden", "param split.seed"]
    (tmp_path / "split").write_text("\n".join(lines))
    assert read_notes(tmp_path, "split") == Notes(
        reads={"ser/storage/files.py", "data/.hidden"},
        writes={"data/raw/Actor_01/a.wav", "models/cnn/weights.pt"},
        params={"split.seed"},
    )
