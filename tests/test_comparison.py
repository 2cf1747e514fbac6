"""The comparison of all runs: how they are found, scored and put beside one another, and what its project declares."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from scripts.demo import ROOT
from ser.corpora.emotions import EMOTION_INDEX
from ser.evaluation.fold_predictions import write_run
from studies.comparison import compare_variants, summarise
from studies.comparison.aggregate import aggregate
from studies.comparison.found_runs import find_runs
from studies.comparison.summarise import beside
from studies.run import Run
from tests.pipeline import stages_of
from tests.test_crossval import RUNS, finish, project, table  # noqa: F401  (fixtures)

STAGES = stages_of(ROOT / "studies/comparison")


def test_all_seeds_of_a_protocol_are_scored_together(project, capsys):  # noqa: F811
    for fold in range(1, 6):
        for seed in (1, 2):
            finish(Run("luna", fold, seed), "good", 0.8)
            finish(Run("luna", fold, seed), "poor", 0.4)
    aggregate("luna")
    metrics = json.loads(Path("studies/comparison/metrics/luna.json").read_text())
    good, poor = metrics["good"], metrics["poor"]
    assert good["units"] == 2 and good["clips"] == 1440
    for scores, share in ((good, 0.8), (poor, 0.4)):
        expected = share + (1 - share) / 8
        assert scores["uar"]["mean"] == pytest.approx(expected, abs=0.04)
        assert scores["uar"]["low"] < scores["uar"]["mean"] < scores["uar"]["high"]
        assert scores["uar_mean_of_folds"] == pytest.approx(scores["uar"]["mean"], abs=0.02)
        assert scores["ece_scaled"] < scores["ece"]
        assert scores["female"]["accuracy"]["mean"] == pytest.approx(scores["male"]["accuracy"]["mean"], abs=0.1)
    pairs = pd.read_csv("studies/comparison/tables/luna_pairs.csv")
    assert pairs[["first", "second"]].to_numpy().tolist() == [["good", "poor"]]
    assert pairs["low"][0] > 0 and pairs["p_holm"][0] < 0.001
    recall = pd.read_csv("studies/comparison/tables/luna_recall.csv")
    assert recall["model"].tolist() == ["good"] * 8 + ["poor"] * 8
    assert recall.loc[:7, "mean"].mean() == pytest.approx(good["uar"]["mean"], abs=1e-3)
    coverage = pd.read_csv("studies/comparison/plots/luna_coverage.csv")
    whole = coverage[(coverage["coverage"] == 1) & (coverage["model"] == "good")]["accuracy"]
    assert whole.iloc[0] == pytest.approx(good["accuracy"]["mean"], abs=1e-3)
    assert pd.read_csv("studies/comparison/plots/luna_reliability.csv").groupby("model")["clips"].sum().to_dict() == {
        "good": 2880,
        "poor": 2880,
    }
    assert "good: UAR 0." in capsys.readouterr().out


def test_a_seed_that_lacks_folds_is_named(project):  # noqa: F811
    for fold in (1, 2, 4):
        finish(Run("luna", fold, 1), "model", 0.5)
    with pytest.raises(ValueError, match=r"luna/model: seed 1 lacks the folds \[3, 5\]"):
        aggregate("luna")


def test_random_splits_are_units_of_their_own(project):  # noqa: F811
    for fold in (1, 2):
        finish(Run("stratified", fold, 1), "model", 0.6)
    aggregate("stratified")
    scores = json.loads(Path("studies/comparison/metrics/stratified.json").read_text())["model"]
    assert scores["units"] == 2
    assert scores["clips"] < 432
    assert scores["accuracy"]["sd"] > 0


def test_random_splits_stand_beside_speaker_independent_folds():
    scores = [{name: {"mean": mean} for name in ("accuracy", "uar")} for mean in (0.9, 0.7)]
    for measure in ("accuracy", "uar"):
        assert beside(*scores)[measure] == pytest.approx(
            {"speaker_dependent": 0.9, "speaker_independent": 0.7, "difference": 0.2}
        )


def test_the_summary_has_the_models_of_both_protocols(tmp_path, monkeypatch):
    monkeypatch.setattr(summarise, "METRICS", tmp_path)
    score = {"accuracy": {"mean": 0.5}, "uar": {"mean": 0.5}}
    for protocol, models in (("luna", ("a", "b")), ("stratified", ("b", "c"))):
        (tmp_path / f"{protocol}.json").write_text(json.dumps(dict.fromkeys(models, score)))
    summarise.main()
    assert json.loads((tmp_path / "summary.json").read_text()).keys() == {"b"}


def test_runs_are_found_in_all_projects_that_have_some(project):  # noqa: F811
    run = Run("luna", 1, 1)
    folders = {
        name: Path(f"studies/{study}/runs")
        for study, name in zip(("crossval", "encoders", "comparison"), ("c", "a", "b"), strict=True)
    }
    for model, runs in folders.items():
        finish(run, model, 0.5, runs)
    finish(Run("stratified", 1, 1), "other", 0.5)
    assert list(find_runs("luna").items()) == [(name, folders[name] / "luna" / name) for name in "abc"]
    with pytest.raises(
        ValueError, match=r"loso: no runs in studies/crossval/runs, studies/encoders/runs, studies/comp"
    ):
        find_runs("loso")


def validated(fold: int, right: float, variant: str) -> None:
    clips = Run("luna", fold, 1).clips()
    generator = np.random.default_rng(fold)
    actual = clips["emotion"].map(EMOTION_INDEX).to_numpy()
    guess = np.where(generator.random(len(clips)) < right, actual, (actual + 1) % 8)
    logits = torch.nn.functional.one_hot(torch.from_numpy(guess), 8).float()
    write_run(Path(f"studies/crossval/runs/variants/{variant}/{fold}-1.csv"), clips, logits, parts=("val",))


def test_variants_are_compared_on_validation_clips_of_the_same_folds(project):  # noqa: F811
    for fold in (1, 2):
        validated(fold, 0.8, "full")
    validated(1, 0.8, "same")
    validated(1, 0.5, "worse")
    assert len(Path("studies/crossval/runs/variants/full/1-1.csv").read_text().splitlines()) == 241
    compare_variants.main()
    compared = pd.read_csv("studies/comparison/tables/variants.csv").set_index("variant")
    assert compared["runs"].to_dict() == {"full": 2, "same": 1, "worse": 1}
    assert compared.loc["full", "difference"] == compared.loc["same", "difference"] == 0
    assert compared.loc["worse", "difference"] == pytest.approx(-0.3, abs=0.07)
    assert compared.loc["worse", "high"] < 0


def test_a_variant_that_base_cannot_answer_is_named(project):  # noqa: F811
    validated(1, 0.8, "full")
    validated(2, 0.8, "other")
    with pytest.raises(SystemExit, match="variants/other: has folds or seeds that 'full' lacks"):
        compare_variants.main()


# The project


def test_every_stage_says_what_it_does():
    assert [name for name, stage in STAGES.items() if not stage.desc] == []


def test_what_comes_of_it_is_kept_in_git():
    outs = [out for stage in STAGES.values() for out in stage.outs]
    assert outs
    assert [out.def_path for out in outs if out.use_cache] == []
