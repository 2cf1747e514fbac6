"""A rerun against the committed run: what is promised and broken is named."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from scripts.compare_locks import Output, aligned, compare_outputs
from scripts.demo import ROOT
from scripts.verify.bands import expected_band, seeds_band
from scripts.verify.checks import Row, deviation, judge, judge_output, read_committed
from ser.storage.files import write_json
from ser.storage.tensors import load_tensors, save_tensors
from tests.pipeline import change_param, copy_finished
from tests.repositories import commit, committed

TEST = {"accuracy": 0.625, "accuracy_low": 0.56, "accuracy_high": 0.68, "uar": 0.6, "clips": 216}


@pytest.fixture(scope="module")
def repository(demo_project, tmp_path_factory) -> Path:
    """A repository whose committed run has another split than a rerun gives."""
    repository = committed(demo_project, tmp_path_factory.mktemp("verify") / "repository")
    lock = repository / "dvc.lock"
    text = lock.read_text(encoding="utf-8")
    (md5,) = (out["md5"] for out in yaml.safe_load(text)["stages"]["split"]["outs"])
    lock.write_text(text.replace(md5, "f" * 32), encoding="utf-8")
    commit(repository)
    return repository


def verify(repository: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as `make verify` does."""
    command = [sys.executable, "-m", "scripts.verify", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def test_rerun_keeps_what_comes_out_the_same_and_breaks_on_the_rest(repository, tmp_path):
    done = verify(repository, "--until", "split", "--keep", str(tmp_path / "kept"))
    *lines, processor, last = done.stdout.splitlines()[-6:]
    assert [cells(line) for line in lines] == [
        ["output", "expected", "found", "verdict"],
        ["data/raw", "same bytes", "same bytes", "ok"],
        ["data/clips.csv", "same bytes", "same bytes", "ok"],
        ["data/splits.csv", "same bytes", "other bytes", "FAIL"],
    ]
    assert "cores" in processor and last == "2 promises kept, 1 broken"
    assert done.returncode == 1
    assert (tmp_path / "kept/data/splits.csv").exists()
    assert not (tmp_path / "kept/models/cnn").exists()


def test_rerun_that_keeps_its_promises_ends_well(repository):
    done = verify(repository, "--until", "ingest")
    assert done.stdout.splitlines()[-1] == "2 promises kept, 0 broken"
    assert done.returncode == 0


def test_lock_of_other_code_is_refused(repository, tmp_path):
    copy = copy_finished(repository, tmp_path / "copy")
    change_param(copy, "split.seed", 43)
    commit(copy)
    done = verify(copy)
    assert done.returncode == 1
    assert "verify: the last commit's dvc.lock is not of its code (1 changes): see `make lock-check`" in done.stderr


def test_stage_that_fails_ends_it(repository, tmp_path):
    done = verify(repository, "--until", "no_such_stage")
    assert done.returncode == 1
    assert "verify: Command" in done.stderr


@pytest.fixture
def rerun(demo_project, tmp_path) -> Path:
    """What a rerun might have left: features, metrics and the lock of the committed run, for tests to change."""
    for name in ("data/features", "metrics"):
        shutil.copytree(demo_project / name, tmp_path / name)
    for name in ("params.yaml", "dvc.lock"):
        shutil.copy(demo_project / name, tmp_path / name)
    return tmp_path


def judged(project: Path, demo_project: Path, changed: str, portable: bool = False) -> dict[str, Row]:
    """The rows of a rerun whose output `changed` has other bytes."""
    lock = yaml.safe_load((demo_project / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    outputs = [
        output._replace(new="other") if output.path == changed else output for output in compare_outputs(lock, lock)
    ]
    cache = demo_project / ".dvc/cache/files/md5"
    committed_run = read_committed(demo_project, lambda md5: cache / md5[:2] / md5[2:])._replace(portable=portable)
    rows = judge(outputs, project, committed_run)
    return {row.output: row for row in rows}


def test_bundles_runs_promise_the_same_bytes_of_everything(rerun, demo_project):
    rows = judged(rerun, demo_project, "models/cnn", portable=True)
    assert {row.expected for row in rows.values()} == {"same bytes"}
    assert [row.output for row in rows.values() if row.verdict == "FAIL"] == ["models/cnn"]
    assert read_committed(rerun, Path).portable  # as params.yaml says


def scale_clip(project: Path, by: float) -> None:
    path = project / "data/features/mel.pt"
    content = load_tensors(path)
    content["features"][-1] *= 1 + by
    save_tensors(content, path)


def test_features_may_differ_by_the_tolerance_and_no_more(rerun, demo_project):
    scale_clip(rerun, 5e-6)
    assert judged(rerun, demo_project, "data/features/mel.pt")["data/features/mel.pt"].verdict == "ok"
    scale_clip(rerun, 2e-5)
    row = judged(rerun, demo_project, "data/features/mel.pt")["data/features/mel.pt"]
    assert (row.found, row.verdict) == ("off by 2.5e-05 at most", "FAIL")


def test_features_of_other_clips_are_infinitely_far(rerun, demo_project):
    path = rerun / "data/features/mel.pt"
    content = load_tensors(path)
    save_tensors(content | {"clips": content["clips"][::-1]}, path)
    assert deviation(demo_project / "data/features/mel.pt", path) == float("inf")


def test_features_without_the_committed_ones_promise_nothing(tmp_path):
    output = Output("precompute_mel", "data/features/mel.pt", "a", "b")
    assert judge_output(output, tmp_path, lambda md5: tmp_path / md5).verdict == "–"


def test_scores_are_held_to_their_bands(rerun, demo_project):
    path = rerun / "metrics/cnn.json"
    scores = json.loads(path.read_text(encoding="utf-8"))
    rows = judged(rerun, demo_project, "metrics/cnn.json")
    assert {rows[f"metrics/{model}.json: uar"].verdict for model in ("cnn", "lstm", "hybrid")} == {"ok"}
    scores["test"]["uar"] += 0.9
    write_json(scores, path)
    rows = judged(rerun, demo_project, "metrics/cnn.json")
    assert rows["metrics/cnn.json: uar"].verdict == "FAIL"
    assert rows["metrics/cnn.json: accuracy"].verdict == "ok"


def test_weights_promise_no_bytes(rerun, demo_project):
    rows = judged(rerun, demo_project, "models/cnn")
    assert rows["models/cnn"] == Row("models/cnn", "any bytes", "other bytes", "–")


def test_table_of_every_output_fits_the_terminal(rerun, demo_project):
    rows = judged(rerun, demo_project, "models/cnn")
    assert max(map(len, aligned([Row._fields, *rows.values()]).splitlines())) <= 100


def test_seeds_of_another_corpus_are_not_used(demo_project, tmp_path):
    copy = copy_finished(demo_project, tmp_path / "copy")
    seeds = {"corpus": "ravdess", "protocol": "stratified", "models": {}}
    write_json(seeds, copy / "metrics/seeds.json")
    assert read_committed(copy, Path).seeds is None
    write_json(seeds | {"corpus": "synthetic"}, copy / "metrics/seeds.json")
    assert read_committed(copy, Path).seeds["corpus"] == "synthetic"


def test_band_of_three_seeds_by_hand():
    band = seeds_band(0.6, 0.02, 3)
    # t with 2 degrees of freedom is 4.3027 at 97.5 %; times 0.02 times the root of 4 / 3
    assert (band.low, band.high) == pytest.approx((0.5006, 0.6994), abs=1e-4)
    assert band.holds(0.51) and not band.holds(0.5) and not band.holds(0.7) and not band.holds(None)


def test_band_of_seeds_far_apart_ends_where_scores_do():
    band = seeds_band(0.6, 0.2, 3)
    assert (band.low, band.high) == (0.0, 1.0)


def test_band_falls_back_to_the_interval_of_the_clips():
    band = expected_band("cnn", "uar", TEST, None)
    assert (band.low, band.high, band.source) == (pytest.approx(0.54), pytest.approx(0.66), "216 clips")
    seeds = {"models": {"cnn": {"uar": {"mean": 0.5, "sd": 0.0, "values": {"1": 0.5, "2": 0.5}}}}}
    assert expected_band("lstm", "uar", TEST, seeds) == band
    assert expected_band("cnn", "uar", TEST, seeds) == (0.5, 0.5, "2 seeds")


def test_band_of_a_score_near_one_ends_at_one():
    assert expected_band("cnn", "uar", TEST | {"uar": 0.98}, None).high == 1.0


def test_compared_locks_name_what_only_one_has():
    old = {"a": {"outs": [{"path": "x", "md5": "1"}, {"path": "y", "md5": "2"}]}}
    new = {"a": {"outs": [{"path": "x", "md5": "1"}, {"path": "z", "md5": "2"}]}}
    assert [(output.path, output.equal) for output in compare_outputs(old, new)] == [
        ("x", "equal"),
        ("y", "only old"),
        ("z", "only new"),
    ]
