"""What reruns when: every param and every source file marks the stages that declare it, and no other stage runs."""

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from dvc.repo import Repo

from scripts.demo import ROOT, dvc
from tests.pipeline import change_param, copy_finished, offer_as_ravdess, read_leaves
from tests.rerun_table import PAGE, Matrix, declared_matrix, render, source_files

TRAININGS = {"train_cnn", "train_lstm", "train_extractor", "train_lgbm", "train_compact"}


@pytest.fixture(scope="module")
def matrix(demo_project, tmp_path_factory) -> Matrix:
    """What DVC says of the finished run when one param or file alone changes."""
    project = copy_finished(demo_project, tmp_path_factory.mktemp("matrix") / "project")
    params, files = {}, {}
    with Repo(str(project)) as repo:
        assert marked_stages(repo) == set()
        for key, value in read_leaves(project).items():
            with restoring(project / "params.yaml"):
                change_param(project, key, other(value))
                params[key] = marked_stages(repo)
        for path in source_files(project):
            with restoring(path) as content:
                path.write_bytes(content + b"# changed\n")
                files[path.relative_to(project).as_posix()] = marked_stages(repo)
        assert marked_stages(repo) == set()
    return declared_matrix(project)._replace(params=params, files=files)


def marked_stages(repo: Repo) -> set[str]:
    """The stages that `dvc status` names: this is what it asks each stage, without a second's start-up."""
    with repo.lock:
        return {stage.name for stage in repo.index.stages if stage.status()}


@contextlib.contextmanager
def restoring(path: Path) -> Iterator[bytes]:
    """Yield what a file holds, and write it back when the block ends."""
    content = path.read_bytes()
    yield content
    path.write_bytes(content)


def other(value: object) -> object:
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    return value + {str: "_other", list: [1]}.get(type(value), 1)


def test_a_changed_param_marks_the_stages_that_declare_it_and_no_other(matrix, demo_project):
    assert matrix.params == declared_matrix(demo_project).params


def test_a_changed_file_marks_the_stages_that_declare_it_and_no_other(matrix, demo_project):
    assert matrix.files == declared_matrix(demo_project).files


def test_every_param_and_every_file_with_content_marks_a_stage(matrix):
    assert [key for key, marked in matrix.params.items() if not marked] == []
    assert [path for path, marked in matrix.files.items() if not marked and (ROOT / path).stat().st_size] == []


def test_dvc_status_says_the_same_on_the_command_line(matrix, demo_project, tmp_path):
    project = copy_finished(demo_project, tmp_path / "project")
    change_param(project, "mel.hop_samples", 200)
    with (project / "ser/evaluation/scoring.py").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    status = json.loads(dvc(project, "status", "--json", capture_output=True).stdout)
    changed_deps = {stage for stage, changes in status.items() if "changed deps" in changes[0]}
    assert changed_deps == status.keys() == matrix.params["mel.hop_samples"] | matrix.files["ser/evaluation/scoring.py"]


@pytest.mark.parametrize("file", ["plotting", "corpus_plots", "scoring"])
def test_editing_figures_or_reports_trains_nothing(matrix, file):
    may_run = matrix.may_run(matrix.files[f"ser/evaluation/{file}.py"])
    assert may_run
    assert may_run.isdisjoint(TRAININGS | {"extract_features"})


def test_changing_the_split_computes_no_feature_anew(matrix):
    keys = [key for key in matrix.params if key.startswith("split.")]
    may_run = matrix.may_run(set().union(*(matrix.params[key] for key in keys)))
    assert {"split", *TRAININGS} <= may_run
    assert may_run.isdisjoint({"fetch", "ingest", "precompute_mel", "precompute_mfcc", "precompute_logmel"})


def test_changing_mfcc_leaves_the_networks_on_mel_alone(matrix):
    may_run = matrix.may_run(matrix.params["mfcc.n_mfcc"])
    assert "train_lstm" in may_run
    assert may_run.isdisjoint(
        {"precompute_mel", "train_cnn", "train_extractor", "extract_features", "train_lgbm", "train_compact"}
    )


def test_page_says_what_dvc_says(matrix):
    assert PAGE.read_text(encoding="utf-8") == render(matrix), "`python -m tests.rerun_table` writes the page anew"


slow = pytest.mark.slow
CHANGES = [
    pytest.param("synthetic.seed", 8, marks=slow),
    pytest.param("split.seed", 43, marks=slow),
    pytest.param("audio.duration_s", 2.5, marks=slow),
    pytest.param("mel.top_db", 60.0, marks=slow),
    ("mfcc.n_mfcc", 40),
    pytest.param("train.seed", 43, marks=slow),
    ("train_cnn.network.dropout", 0.2),
    ("train_lstm.network.dropout", 0.2),
    ("train_extractor.network.dropout", 0.2),
    ("train_lgbm.leaves", 15),
    ("logmel.hop_samples", 320),
    ("train_compact.network.dropout", 0.1),
]


@pytest.mark.parametrize(("key", "value"), CHANGES)
def test_run_after_a_changed_param_leaves_the_rest_alone(key, value, matrix, demo_project, tmp_path):
    project = copy_finished(demo_project, tmp_path / "project")
    before = state(project)
    change_param(project, key, value)
    ran = repro(project)
    marked = matrix.params[key]
    assert marked <= ran <= matrix.may_run(marked)
    assert changed(before, state(project)) <= ran


def test_run_with_another_source_of_the_same_clips_changes_no_output_but_the_caption(
    matrix, demo_project, tmp_path, monkeypatch
):
    project = copy_finished(demo_project, tmp_path / "project")
    before = state(project)
    offer_as_ravdess(project, tmp_path / "clips")
    monkeypatch.setenv("RAVDESS_SOURCE", str(tmp_path / "clips"))
    assert repro(project) == {"fetch", "ingest", "compare"} == matrix.params["corpus.name"]
    after = state(project)
    for stage in ("fetch", "ingest"):
        assert before[stage].outputs == after[stage].outputs
    assert changed(before, after) == {"fetch", "ingest", "compare"}


def test_every_section_of_params_is_changed_in_a_run():
    keys = [change.values[0] if hasattr(change, "values") else change[0] for change in CHANGES]
    sections = {key.partition(".")[0] for key in read_leaves(ROOT)}
    elsewhere = {"corpus", "runtime"}  # another source above; all stages declare runtime
    assert {key.partition(".")[0] for key in keys} | elsewhere == sections


class StageState(NamedTuple):
    lock: dict  # its entry in dvc.lock
    outputs: dict[str, str]  # the MD5 of each file that it wrote, as it lies there


def state(project: Path) -> dict[str, StageState]:
    """The state of each stage, after a check that the files are those of the lock."""
    locks = yaml.safe_load((project / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    states = {}
    for name, lock in locks.items():
        outputs = {}
        for out in lock["outs"]:
            path = project / out["path"]
            files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
            digests = {str(file.relative_to(project)): hashlib.md5(file.read_bytes()).hexdigest() for file in files}
            assert path.is_dir() or digests == {out["path"]: out["md5"]}
            outputs |= digests
        states[name] = StageState(lock, outputs)
    return states


def changed(before: dict[str, StageState], after: dict[str, StageState]) -> set[str]:
    """The stages whose entry in the lock or whose outputs differ."""
    assert before.keys() == after.keys()
    return {name for name in before if before[name] != after[name]}


def repro(project: Path) -> set[str]:
    """Run `dvc repro`; return the stages that ran."""
    printed = dvc(project, "repro", capture_output=True).stdout
    return set(re.findall(r"^Running stage '(.+)':$", printed, re.MULTILINE))
