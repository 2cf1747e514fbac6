"""Are the scores of both ways equal? The table, its intervals, and what is not run again."""

import threading
import time

import pandas as pd
import pytest

from benchmarks import equality
from scripts.demo import ROOT
from ser.storage.dotted import leaves, override
from ser.storage.yaml12 import read_yaml


def scores(seed: int, way: str, cnn: float, lstm: float, hybrid: float) -> pd.DataFrame:
    rows = [
        (seed, way, model, value, value, value)
        for model, value in zip(equality.MODELS, (cnn, lstm, hybrid), strict=True)
    ]
    return pd.DataFrame(rows, columns=equality.COLUMNS)


def test_interval_of_a_paired_difference_by_hand():
    ours, theirs = pd.Series([0.60, 0.62, 0.64]), pd.Series([0.60, 0.60, 0.60])
    # mean 0.02, sd 0.02, t(0.975, 2) = 4.3027: 4.3027 * 0.02 / sqrt(3) = 0.0497
    assert equality.paired_difference(ours, theirs) == "+0.020 [-0.030, +0.070]"
    assert equality.paired_difference(ours[:1], theirs[:1]) == "–"


def test_only_seeds_that_both_ways_have_are_compared_and_models_are_ordered_by_way():
    parts = [
        scores(1, "ours", 0.6, 0.5, 0.7),
        scores(1, "theirs", 0.7, 0.5, 0.6),
        scores(2, "ours", 0.62, 0.51, 0.72),
        scores(2, "theirs", 0.7, 0.52, 0.61),
        scores(3, "ours", 0.0, 0.9, 0.0),
    ]
    page = equality.compare(pd.concat(parts))
    assert "| AudioCNN | accuracy, test | 0.610 ± 0.014 | 0.700 ± 0.000 |" in page
    assert "Seeds 1, 2." in page
    assert "- ours: CNN-LSTM + LightGBM, AudioCNN, AudioLSTM" in page
    assert "- theirs: AudioCNN, CNN-LSTM + LightGBM, AudioLSTM" in page


def test_what_is_set_as_in_the_notebook_are_params():
    params = read_yaml(ROOT / "params.yaml")
    overrides = equality.AS_NOTEBOOK | equality.ONE_THREAD | equality.QUICK
    changed = leaves(override(params, overrides))
    assert {name: changed[name] for name in overrides} == overrides


@pytest.fixture
def trained(monkeypatch) -> list[tuple]:
    """Stand-ins for the trainings; a list of the ways and seeds that were run, with the params of the copy."""
    runs: list[tuple] = []
    params: dict = {}
    answer = {model: {split: {"accuracy": 0.5, "uar": 0.4} for split in ("val", "test")} for model in equality.MODELS}
    monkeypatch.setattr(equality.corpus, "copy_to", lambda folder, quick, overrides, *stages: params.update(overrides))
    monkeypatch.setattr(equality, "_stages", lambda folder: runs.append(("ours", dict(params))) or answer)
    monkeypatch.setattr(equality, "_notebook", lambda folder, seed, quick: runs.append(("theirs", seed)) or answer)
    return runs


def test_what_the_table_has_is_not_run_again(trained, tmp_path):
    table = scores(1, "ours", 0.6, 0.5, 0.7)
    rows = pd.concat(equality.measure(tmp_path, [1, 2], table, quick=False, workers=1))
    params = equality.AS_NOTEBOOK | equality.ONE_THREAD | {"train.seed": 2, "train_lgbm.seed": 2}
    assert trained == [("theirs", 1), ("ours", params), ("theirs", 2)]
    assert list(rows.columns) == list(equality.COLUMNS)
    assert len(rows) == 9 and set(rows["test_uar"]) == {0.4}


def test_after_a_failed_run_none_starts_and_those_that_run_are_kept(trained, monkeypatch, tmp_path):
    running = threading.Event()

    def fail(*_: object) -> None:
        running.wait(10)  # until the other way has started
        raise RuntimeError("stages.train_cnn failed")

    def end_later(*arguments: object) -> dict:
        running.set()
        time.sleep(0.2)
        return notebook(*arguments)

    notebook = equality._notebook
    monkeypatch.setattr(equality, "_stages", fail)
    monkeypatch.setattr(equality, "_notebook", end_later)
    kept = []
    with pytest.raises(RuntimeError, match="train_cnn failed"):
        for rows in equality.measure(tmp_path, range(9), pd.DataFrame(columns=equality.COLUMNS), False, workers=2):
            kept.append(rows)
    assert trained == [("theirs", 0)]
    assert pd.concat(kept)["way"].unique() == ["theirs"]


def test_a_gpu_has_a_table_and_a_page_of_its_own(monkeypatch):
    monkeypatch.setattr(equality.machine, "describe", lambda: "A machine.")
    (cpu, _), (table, page) = equality.files(False), equality.files(True)
    assert (cpu.name, table.name, page.name) == ("equality.csv", "equality_gpu.csv", "EQUALITY_GPU.md")
    parts = [scores(seed, way, 0.6, 0.5, 0.7) for seed in (1, 2) for way in equality.WAYS]
    text = equality.compose("RAVDESS", pd.concat(parts), table)
    assert "`benchmarks/equality_gpu.csv`" in text and "RAVDESS. A machine." in text


@pytest.mark.slow
def test_both_ways_train_on_synthetic_clips(monkeypatch, tmp_path):
    table = pd.DataFrame(columns=equality.COLUMNS)
    monkeypatch.delenv("RAVDESS_SOURCE", raising=False)
    rows = pd.concat(equality.measure(tmp_path, [1], table, quick=True, workers=2))
    assert set(rows[["way", "model"]].itertuples(index=False, name=None)) == {
        (way, model) for way in equality.WAYS for model in equality.MODELS
    }
    assert rows[list(equality.SCORES)].map(lambda score: 0 <= score <= 1).all(axis=None)
