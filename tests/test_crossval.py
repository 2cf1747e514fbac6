"""Cross-validation: what runs leave, how they are read, its variants, and what its own DVC project declares."""

import dataclasses
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
from ser.corpora.protocols import LUNA, PROTOCOLS, FoldSettings, assign_folds
from ser.corpora.ravdess import all_names, parse_name
from ser.evaluation.fold_predictions import join_logits, permute_labels, write_run
from ser.evaluation.runs import log_probabilities, read_runs
from ser.storage.params import ParamsError
from ser.storage.yaml12 import read_yaml
from studies.crossval import folds
from studies.crossval.train_variant import read_variant
from studies.run import Run
from tests.pipeline import code_of, declared_files, stages_of

CROSSVAL = ROOT / "studies/crossval"
RUNS = Path("studies/crossval/runs")
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
    for path in ("data", "studies/crossval/folds"):
        Path(path).mkdir(parents=True)
    table.to_csv("data/clips.csv", index=False)
    for protocol in ("luna", "stratified"):
        assign_folds(table, protocol, FOLD).to_csv(f"studies/crossval/folds/{protocol}.csv", index=False)
    return tmp_path


def finish(run: Run, model: str, right: float, folder: Path = RUNS) -> None:
    """Leave a run whose model is right on a share of the clips and is sure of itself."""
    clips = run.clips()
    generator = np.random.default_rng([run.fold, run.seed, round(100 * right)])
    actual = clips["emotion"].map(EMOTION_INDEX).to_numpy()
    guess = np.where(generator.random(len(clips)) < right, actual, generator.integers(8, size=len(clips)))
    logits = 8.0 * torch.nn.functional.one_hot(torch.from_numpy(guess), 8) + torch.randn(len(clips), 8)
    write_run(run.path(folder, model), clips, logits, best_epoch=3)


def test_a_run_keeps_rounded_probabilities_of_clips_it_did_not_train_on(project):
    run = Run("luna", 2, 7)
    finish(run, "model", 0.5)
    path = Path("studies/crossval/runs/luna/model/2-7.csv")
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
    finish(Run("luna", 1, 5), "model", 0.5)
    finish(Run("luna", 2, 5), "model", 0.5)
    table = read_runs(RUNS / "luna/model")
    assert table.groupby("fold")["clip"].count().to_dict() == {1: 300, 2: 300}
    assert set(table["seed"]) == {5}
    assert (table.groupby("fold")["temperature"].nunique() == 1).all()
    assert {int(clip[-2:]) for clip in table.loc[table["fold"] == 1, "clip"]} == set(LUNA[0])


def test_a_damaged_run_is_named(project):
    finish(Run("luna", 1, 5), "model", 0.5)
    path = Path("studies/crossval/runs/luna/model/1-5.csv")
    text = path.read_text()
    path.write_text(text.replace("test,", "train,"))
    with pytest.raises(ValueError, match=r"1-5\.csv: has no clips of the split 'test'"):
        read_runs(RUNS / "luna/model")
    header, first, *rest = text.splitlines()
    cells = first.split(",")
    first = ",".join([*cells[:3], "0.9000", "0.9000", *cells[5:]])
    path.write_text("\n".join([header, first, *rest]) + "\n")
    with pytest.raises(ValueError, match=rf"1-5\.csv: not a table of predictions\n  .* sum to 1: {cells[0]}"):
        read_runs(RUNS / "luna/model")


def test_a_model_without_runs_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"luna/model: no runs"):
        read_runs(tmp_path / "luna/model")


def test_clips_that_the_folds_lack_are_named(project):
    folds = Path("studies/crossval/folds/luna.csv")
    folds.write_text("".join(folds.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(ValueError, match=r"clips and folds differ in 1 clips, first \['03-01-08-02-02-02-24'\]"):
        Run("luna", 1, 1).clips()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_folds_are_those_of_the_protocol_and_the_params(protocol, project, table, monkeypatch):
    (project / "studies/crossval/params.yaml").write_text(yaml.safe_dump({"folds": dataclasses.asdict(FOLD)}))
    monkeypatch.setattr(sys, "argv", ["folds", protocol])
    folds.main()
    written = pd.read_csv(f"studies/crossval/folds/{protocol}.csv")
    pd.testing.assert_frame_equal(written, assign_folds(table, protocol, FOLD).reset_index(drop=True))


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
    assert Run("luna", 1, 2, permuted=True).path(Path("r"), "m") == Path("r/luna_permuted/m/1-2.csv")


# Variants


@pytest.fixture
def with_variants(project):
    """A function that describes variants, in a project with the committed params."""
    Path("params.yaml").write_text((ROOT / "params.yaml").read_text())

    def describe(**variants: dict) -> None:
        Path("studies/crossval/params.yaml").write_text(yaml.safe_dump({"variants": variants}))

    return describe


def test_a_variant_replaces_values_and_leaves_the_rest(with_variants):
    with_variants(full={}, half={"schedule.epochs": 30})
    full, half = read_variant("full"), read_variant("half")
    assert (full.schedule.epochs, half.schedule.epochs) == (60, 30)
    assert dataclasses.replace(half, schedule=dataclasses.replace(half.schedule, epochs=60)) == full


def test_a_variant_may_change_a_key_outside_all_sections(with_variants):
    with_variants(full={}, exact={"precision": "float32"})
    assert read_variant("full").precision == "auto"
    assert read_variant("exact") == dataclasses.replace(read_variant("full"), precision="float32")


@pytest.mark.parametrize("key", ["schedule.epoch", "precison", "precision.x"])
def test_a_key_that_no_variant_can_change_is_named(key, with_variants):
    with_variants(odd={key: 30})
    with pytest.raises(
        ParamsError, match=rf"^studies/crossval/params\.yaml: variants\.odd: {key} is no key of train_compact$"
    ):
        read_variant("odd")


def test_an_unknown_variant_is_named(with_variants):
    with_variants(full={}, half={})
    with pytest.raises(
        ValueError, match=r"studies/crossval/params\.yaml: has no variant 'hal'; variants are \['full', 'half'\]"
    ):
        read_variant("hal")


def test_every_compared_variant_is_described_and_possible(monkeypatch):
    monkeypatch.chdir(ROOT)
    params = read_yaml(CROSSVAL / "params.yaml")
    assert set(params["compared"]) == set(params["variants"])
    settings = [read_variant(name) for name in params["compared"]]
    assert all(one not in settings[:index] for index, one in enumerate(settings))


# The project


def test_the_arguments_name_a_run(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["train_cnn", "luna", "3", "5", "--permuted"])
    assert Run.from_arguments("") == Run("luna", 3, 5, permuted=True)


@pytest.mark.parametrize("name", {name.partition("@")[0]: name for name in STAGES}.values())
def test_stage_declares_the_code_it_imports_and_no_other(name):
    declared = {file for file in resolved(declared_files(STAGES[name])) if file.endswith(".py")}
    assert declared == code_of(STAGES[name], ROOT)


def resolved(files: set[str]) -> set[str]:
    return {(CROSSVAL / file).resolve().relative_to(ROOT.resolve()).as_posix() for file in files}


def test_every_stage_says_what_it_does():
    assert [name for name, stage in STAGES.items() if not stage.desc] == []


def test_runs_and_metrics_are_kept_in_git():
    kept = [out for name, stage in STAGES.items() if not name.startswith("folds@") for out in stage.outs]
    assert kept
    assert [out.def_path for out in kept if out.use_cache] == []


def test_runs_read_the_features_of_the_main_pipeline():
    read = {
        file
        for name, stage in STAGES.items()
        if name.partition("@")[0] != "folds"
        for file in resolved(declared_files(stage))
    }
    features = {file for file in read if file.startswith("data/features/")}
    assert features == {"data/features/logmel.pt", "data/features/mel.pt", "data/features/mfcc.pt"}


def test_every_protocol_has_a_stage_that_makes_its_folds():
    assert {name for name in STAGES if name.startswith("folds@")} == {f"folds@{protocol}" for protocol in PROTOCOLS}


def test_the_main_project_does_not_see_the_folds():
    assert not [name for name in stages_of(ROOT) if name.startswith("compact_")]


def test_rounded_probabilities_have_logarithms():
    table = pd.DataFrame([[1.0] + [0.0] * 7], columns=list(EMOTIONS))
    logs = log_probabilities(table)
    assert np.isfinite(logs).all()
    assert logs[0, 1] == pytest.approx(np.log(0.00005))


@pytest.mark.parametrize(("seed", "said"), [("-1", "seed is -1; allowed: 0 to"), ("x", "invalid seed value: 'x'")])
def test_a_seed_that_no_generator_takes_is_refused_by_the_command_line(monkeypatch, capsys, seed, said):
    monkeypatch.setattr("sys.argv", ["train_cnn", "luna", "1", seed])
    with pytest.raises(SystemExit, match="2"):
        Run.from_arguments("")
    assert said in capsys.readouterr().err
