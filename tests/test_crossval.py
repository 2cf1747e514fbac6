"""Cross-validation: what runs leave, how they are scored, and what its own DVC project declares."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from scripts.demo import ROOT
from ser.corpora.emotions import EMOTION_INDEX, EMOTIONS
from ser.corpora.protocols import LUNA, FoldSettings, assign_folds
from ser.corpora.ravdess import all_names, parse_name
from ser.models.compact import changed
from studies import run as runs
from studies.comparison import aggregate, compare_variants
from studies.comparison.summarise import beside
from studies.run import Run, join_logits, permute_labels, read_runs, write_run
from tests.pipeline import declared_files, import_closure, stages_of

CROSSVAL = ROOT / "crossval"
STAGES = stages_of(CROSSVAL)
FOLD = FoldSettings(val_speakers=4, repeats=2, val_fraction=0.15, test_fraction=0.15, seed=42)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    names = [parse_name(path) for path in all_names()]
    return pd.DataFrame([vars(name) | {"sex": name.sex} for name in names]).assign(duplicate_of=None)


@pytest.fixture
def project(tmp_path, table, monkeypatch) -> Path:
    """An empty project with the clip table and the folds, as working directory."""
    monkeypatch.chdir(tmp_path)
    for path in ("data", "crossval/folds"):
        Path(path).mkdir(parents=True)
    table.to_csv("data/clips.csv", index=False)
    for protocol in ("luna", "stratified"):
        assign_folds(table, protocol, FOLD).to_csv(f"crossval/folds/{protocol}.csv", index=False)
    return tmp_path


def finish(run: Run, model: str, right: float) -> None:
    """Leave a run whose model is right on a share of the clips and is sure of itself."""
    clips = run.clips()
    generator = np.random.default_rng([run.fold, run.seed, round(100 * right)])
    actual = clips["emotion"].map(EMOTION_INDEX).to_numpy()
    guess = np.where(generator.random(len(clips)) < right, actual, generator.integers(8, size=len(clips)))
    logits = 8.0 * torch.nn.functional.one_hot(torch.from_numpy(guess), 8) + torch.randn(len(clips), 8)
    write_run(run.path(model), clips, logits, best_epoch=3)


def test_a_run_keeps_rounded_probabilities_of_clips_it_did_not_train_on(project):
    run = Run("luna", 2, 7, permuted=False)
    finish(run, "model", 0.5)
    path = Path("crossval/runs/luna/model/2-7.csv")
    rows = path.read_text().splitlines()
    assert rows[0] == "clip,split,emotion," + ",".join(EMOTIONS)
    assert all(len(cell) == 6 for cell in rows[1].split(",")[3:])
    assert len(rows) == 1 + 300 + 240
    facts = json.loads(path.with_suffix(".json").read_text())
    assert facts.keys() == {"best_epoch", "temperature", "val_uar", "test_uar"}
    assert facts["temperature"] > 1.5  # it was far too sure
    assert path.stat().st_size < 60_000


def test_validation_clips_are_predicted_by_the_training_that_has_not_seen_them():
    clips = pd.DataFrame({"split": ["train", "val", "test"]})
    assert join_logits(clips, torch.ones(3, 2), torch.full((3, 2), 2.0))[:, 0].tolist() == [2, 1, 2]


def test_runs_are_read_with_their_fold_seed_and_temperature(project):
    finish(Run("luna", 1, 5, permuted=False), "model", 0.5)
    finish(Run("luna", 2, 5, permuted=False), "model", 0.5)
    table = read_runs("luna", "model")
    assert table.groupby("fold")["clip"].count().to_dict() == {1: 300, 2: 300}
    assert set(table["seed"]) == {5}
    assert (table.groupby("fold")["temperature"].nunique() == 1).all()
    assert {int(clip[-2:]) for clip in table.loc[table["fold"] == 1, "clip"]} == set(LUNA[0])


def test_a_damaged_run_is_named(project):
    finish(Run("luna", 1, 5, permuted=False), "model", 0.5)
    path = Path("crossval/runs/luna/model/1-5.csv")
    path.write_text(path.read_text().replace("test,", "train,"))
    with pytest.raises(ValueError, match=r"1-5\.csv: expected test clips with probabilities that sum to 1"):
        read_runs("luna", "model")


def test_clips_that_the_folds_lack_are_named(project):
    folds = Path("crossval/folds/luna.csv")
    folds.write_text("".join(folds.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(ValueError, match=r"clips and folds differ in 1 clips, first \['03-01-08-02-02-02-24'\]"):
        Run("luna", 1, 1, permuted=False).clips()


def test_permuting_shuffles_what_is_known_and_leaves_the_test_labels(table):
    clips = table.assign(split=assign_folds(table, "luna", FOLD)["1"].to_numpy())
    shuffled = permute_labels(clips, seed=1)
    test = clips["split"] == "test"
    assert shuffled.loc[test, "emotion"].equals(clips.loc[test, "emotion"])
    known, before = shuffled.loc[~test, "emotion"], clips.loc[~test, "emotion"]
    assert known.value_counts().to_dict() == before.value_counts().to_dict()
    assert 0.05 < (known == before).mean() < 0.2
    assert permute_labels(clips, seed=1).equals(shuffled)
    assert not permute_labels(clips, seed=2).equals(shuffled)


def test_permuted_runs_stand_apart():
    assert Run("luna", 1, 2, permuted=True).path("m") == Path("crossval/runs/luna_permuted/m/1-2.csv")


def test_all_seeds_of_a_protocol_are_scored_together(project, capsys):
    for fold in range(1, 6):
        for seed in (1, 2):
            finish(Run("luna", fold, seed, permuted=False), "good", 0.8)
            finish(Run("luna", fold, seed, permuted=False), "poor", 0.4)
    aggregate.aggregate("luna")
    metrics = json.loads(Path("crossval/metrics/luna.json").read_text())
    good, poor = metrics["good"], metrics["poor"]
    assert good["units"] == 2 and good["clips"] == 1440
    for scores, share in ((good, 0.8), (poor, 0.4)):
        expected = share + (1 - share) / 8
        assert scores["uar"]["mean"] == pytest.approx(expected, abs=0.04)
        assert scores["uar"]["low"] < scores["uar"]["mean"] < scores["uar"]["high"]
        assert scores["uar_mean_of_folds"] == pytest.approx(scores["uar"]["mean"], abs=0.02)
        assert scores["ece_scaled"] < scores["ece"]
        assert scores["female"]["accuracy"]["mean"] == pytest.approx(scores["male"]["accuracy"]["mean"], abs=0.1)
    pairs = pd.read_csv("crossval/tables/luna_pairs.csv")
    assert pairs[["first", "second"]].to_numpy().tolist() == [["good", "poor"]]
    assert pairs["low"][0] > 0 and pairs["p_holm"][0] < 0.001
    recall = pd.read_csv("crossval/tables/luna_recall.csv")
    assert recall["model"].tolist() == ["good"] * 8 + ["poor"] * 8
    assert recall.loc[:7, "mean"].mean() == pytest.approx(good["uar"]["mean"], abs=1e-3)
    coverage = pd.read_csv("crossval/plots/luna_coverage.csv")
    whole = coverage[(coverage["coverage"] == 1) & (coverage["model"] == "good")]["accuracy"]
    assert whole.iloc[0] == pytest.approx(good["accuracy"]["mean"], abs=1e-3)
    assert pd.read_csv("crossval/plots/luna_reliability.csv").groupby("model")["clips"].sum().to_dict() == {
        "good": 2880,
        "poor": 2880,
    }
    assert "good: UAR 0." in capsys.readouterr().out


def test_a_seed_that_lacks_folds_is_named(project):
    for fold in (1, 2, 4):
        finish(Run("luna", fold, 1, permuted=False), "model", 0.5)
    with pytest.raises(ValueError, match=r"luna/model: seed 1 lacks the folds \[3, 5\]"):
        aggregate.aggregate("luna")


def test_random_splits_are_units_of_their_own(project):
    for fold in (1, 2):
        finish(Run("stratified", fold, 1, permuted=False), "model", 0.6)
    aggregate.aggregate("stratified")
    scores = json.loads(Path("crossval/metrics/stratified.json").read_text())["model"]
    assert scores["units"] == 2
    assert scores["clips"] < 432
    assert scores["accuracy"]["sd"] > 0


def test_the_random_split_stands_beside_voices_never_heard():
    scores = [{name: {"mean": mean} for name in ("accuracy", "uar")} for mean in (0.9, 0.7)]
    assert beside(*scores)["uar"] == pytest.approx({"random": 0.9, "unheard_voices": 0.7, "flattery": 0.2})


def validated(fold: int, right: float, variant: str) -> None:
    clips = Run("luna", fold, 1, permuted=False).clips()
    generator = np.random.default_rng(fold)
    actual = clips["emotion"].map(EMOTION_INDEX).to_numpy()
    guess = np.where(generator.random(len(clips)) < right, actual, (actual + 1) % 8)
    logits = torch.nn.functional.one_hot(torch.from_numpy(guess), 8).float()
    write_run(Path(f"crossval/runs/variants/{variant}/{fold}-1.csv"), clips, logits, parts=("val",))


def test_variants_are_compared_on_validation_clips_of_the_same_folds(project):
    for fold in (1, 2):
        validated(fold, 0.8, "full")
    validated(1, 0.8, "same")
    validated(1, 0.5, "worse")
    assert len(Path("crossval/runs/variants/full/1-1.csv").read_text().splitlines()) == 241
    compare_variants.main()
    table = pd.read_csv("crossval/tables/variants.csv").set_index("variant")
    assert table["runs"].to_dict() == {"full": 2, "same": 1, "worse": 1}
    assert table.loc["full", "difference"] == table.loc["same", "difference"] == 0
    assert table.loc["worse", "difference"] == pytest.approx(-0.3, abs=0.07)
    assert table.loc["worse", "high"] < 0


def test_a_variant_that_base_cannot_answer_is_named(project):
    validated(1, 0.8, "full")
    validated(2, 0.8, "other")
    with pytest.raises(SystemExit, match="variants/other: has folds or seeds that 'full' lacks"):
        compare_variants.main()


def test_changes_replace_values_and_leave_the_rest():
    values = {"schedule": {"epochs": 60, "batch_size": 32}, "network": {"width": 96}}
    result = changed(values, {"schedule.epochs": 30})
    assert result == {"schedule": {"epochs": 30, "batch_size": 32}, "network": {"width": 96}}
    assert values["schedule"]["epochs"] == 60
    with pytest.raises(ValueError, match=r"schedule\.epoch is no key of train_compact"):
        changed(values, {"schedule.epoch": 30})


def test_every_compared_variant_is_described_and_possible():
    params = yaml.safe_load((CROSSVAL / "params.yaml").read_text())
    assert set(params["compared"]) == set(params["variants"])


def test_the_arguments_name_a_run(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["train_cnn", "luna", "3", "5", "--permuted"])
    assert Run.from_arguments("") == Run("luna", 3, 5, permuted=True)


@pytest.mark.parametrize("name", {name.partition("@")[0]: name for name in STAGES}.values())
def test_stage_declares_the_code_it_imports_and_no_other(name):
    module = STAGES[name].cmd.split("python -m ")[1].split()[0]
    declared = {file for file in resolved(declared_files(STAGES[name])) if file.endswith(".py")}
    assert declared == import_closure(module, ROOT)


def resolved(files: set[str]) -> set[str]:
    return {(CROSSVAL / file).resolve().relative_to(ROOT.resolve()).as_posix() for file in files}


def test_every_stage_says_what_it_does():
    assert [name for name, stage in STAGES.items() if not stage.desc] == []


def test_runs_and_metrics_are_kept_in_git():
    kept = [out for name, stage in STAGES.items() if name != "folds" for out in stage.outs]
    assert kept
    assert [out.def_path for out in kept if out.use_cache] == []


def test_runs_read_the_features_of_the_main_pipeline():
    read = {file for name, stage in STAGES.items() if "_" in name for file in resolved(declared_files(stage))}
    features = {file for file in read if file.startswith("data/features/")}
    assert features == {"data/features/logmel.pt", "data/features/mel.pt", "data/features/mfcc.pt"}


def test_the_main_project_does_not_see_the_folds():
    assert not [name for name in stages_of(ROOT) if name.startswith("compact_")]


def test_rounded_probabilities_have_logarithms():
    table = pd.DataFrame([[1.0] + [0.0] * 7], columns=list(EMOTIONS))
    logs = runs.log_probabilities(table)
    assert np.isfinite(logs).all()
    assert logs[0, 1] == pytest.approx(np.log(0.00005))
