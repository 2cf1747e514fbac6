"""Scores of several seeds → their mean and spread."""

import pytest

from scripts.summarise_seeds import read_scores, readable, summarise


def scores(accuracy: float) -> dict[str, float]:
    return {"accuracy": accuracy, "uar": accuracy - 0.1, "macro_f1": 0.5, "clips": 216}


def test_mean_and_sample_sd_by_hand():
    tests = {42: {"cnn": scores(0.5)}, 43: {"cnn": scores(0.6)}, 44: {"cnn": scores(0.7)}}
    summary = summarise(tests, {"cnn": 0.5602})["cnn"]
    assert summary["accuracy"]["mean"] == pytest.approx(0.6)
    assert summary["accuracy"]["sd"] == pytest.approx(0.1)
    assert summary["accuracy"]["values"] == {42: 0.5, 43: 0.6, 44: 0.7}
    assert summary["uar"]["mean"] == pytest.approx(0.5)
    assert summary["macro_f1"]["sd"] == 0
    assert summary["design_accuracy"] == 0.5602


def test_readable_table_has_a_dash_where_the_design_has_no_figure():
    tests = {seed: {"cnn": scores(0.5 + seed / 10), "new": scores(0.2)} for seed in (1, 2)}
    table = readable(summarise(tests, {"cnn": 0.5602}))
    assert table.loc["cnn"].tolist() == ["0.6500 ± 0.0707", "0.5500 ± 0.0707", "0.5000 ± 0.0000", "0.5602"]
    assert table.loc["new", "design_accuracy"] == "-"


def test_one_seed_has_no_spread():
    with pytest.raises(ValueError, match=r"two seeds or more, found \[42\]"):
        summarise({42: {"cnn": scores(0.5)}}, {})


def test_model_missing_from_a_seed_is_named():
    with pytest.raises(ValueError, match=r"lstm \(seed 43\)"):
        summarise({42: {"cnn": scores(0.5), "lstm": scores(0.5)}, 43: {"cnn": scores(0.5)}}, {})


def test_missing_experiment_is_named():
    with pytest.raises(ValueError, match=r"no experiment seed-123456789.*make seeds"):
        read_scores(123456789)
