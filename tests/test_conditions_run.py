"""A small run of the conditions: from waveforms through both trainings to the report, on a tiny encoder."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import yaml

from scripts.demo import ROOT
from ser.corpora.emotions import EMOTIONS
from ser.evaluation.predictions import read_predictions
from ser.evaluation.runs import read_runs
from ser.features.conditions.voices import save_voices
from ser.storage.dotted import override
from ser.storage.yaml12 import read_yaml
from studies.outside.conditions import embed, precompute_logmel, report, settings, train_compact, train_encoder
from studies.outside.conditions.outcome import DIGITS
from tests.tiny_encoders import save_encoder, speechlike

PARAMS = Path("studies/outside/conditions/params.yaml")
KEPT = ("level", "babble_10", "silence")
ACTORS, FOLDS = 10, 5
TINY = {
    "train_compact.schedule.epochs": 2,
    "train_compact.network.front": [4, 4],
    "train_compact.network.width": 8,
    "train_compact.network.lstm_hidden": 8,
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A finished run, as working directory: ten speakers, a clip of each emotion, two speakers tested in each fold."""
    folder = tmp_path_factory.mktemp("conditions")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_params()
        write_clips()
        save_voices([speechlike(0.5, 1).numpy()], settings.VOICES / "testing.pt")
        save_voices([speechlike(0.5, 2).numpy()], settings.VOICES / "training.pt")
        save_encoder("whisper", Path("studies/encoders/weights/tiny"))
        for copy in (*KEPT, "training_1"):
            run(patch, embed, "tiny", copy)
            run(patch, precompute_logmel, copy)
        leave_undisturbed(patch)
        for form in report.FORMS:
            for fold in range(1, FOLDS + 1):
                run(patch, train_encoder, "tiny", form, str(fold))
            run(patch, train_compact, form, "1")
        run(patch, report, "tiny")
        yield folder


def run(patch: pytest.MonkeyPatch, module, *arguments: str) -> None:
    patch.setattr(sys, "argv", [module.__name__, *arguments])
    module.main()


def write_params() -> None:
    for path in (Path("params.yaml"), Path("studies/encoders/params.yaml"), PARAMS):
        path.parent.mkdir(parents=True, exist_ok=True)
        params = read_yaml(ROOT / path)
        if path == PARAMS:
            params["conditions"] = {name: params["conditions"][name] for name in KEPT}
            params["copies"] = {"encoder": 1, "compact": 1}
        if path == Path("params.yaml"):
            params = override(params, TINY)
        path.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")


def write_table() -> pd.DataFrame:
    rows = [(f"{actor}-{emotion}", emotion, actor) for actor in range(1, ACTORS + 1) for emotion in EMOTIONS]
    clips = pd.DataFrame(rows, columns=["clip", "emotion", "actor"]).assign(path=lambda table: table["clip"] + ".wav")
    clips.to_csv("data/clips.csv", index=False)
    return clips


def write_clips() -> None:
    Path("data/raw").mkdir(parents=True)
    clips = write_table()
    for seed, path in enumerate(clips["path"]):
        soundfile.write(f"data/raw/{path}", speechlike(0.3, seed).numpy(), 16000, subtype="FLOAT")
    folds = pd.DataFrame({"clip": clips["clip"]})
    for fold in range(1, FOLDS + 1):
        pair = (clips["actor"] - 1) // 2 + 1
        folds[str(fold)] = np.select([pair == fold, pair == fold % FOLDS + 1], ["test", "val"], "train")
    Path("studies/crossval/folds").mkdir(parents=True)
    folds.to_csv("studies/crossval/folds/luna.csv", index=False)


def leave_undisturbed(patch: pytest.MonkeyPatch) -> None:
    """Leave what other projects make of the clips as they are."""
    for module, folder, arguments, targets in (
        (embed, settings.EMBEDDINGS / "tiny", ("tiny",), [f"{name}.pt" for name in train_encoder.CLEAN_COPIES]),
        (precompute_logmel, settings.LOGMEL, (), ["logmel.pt"]),
    ):
        with patch.context() as inner:
            inner.setattr(module, "read_disturb", lambda copy: lambda clip, waveform: waveform)
            run(inner, module, *arguments, "clean")
        into = Path("studies/encoders/embeddings/tiny" if module is embed else "data/features")
        into.mkdir(parents=True)
        for name in targets:
            (into / name).write_bytes((folder / "clean.pt").read_bytes())
        (folder / "clean.pt").unlink()


def test_every_test_clip_is_predicted_once_in_each_condition(project):
    names = set(pd.read_csv("data/clips.csv")["clip"])
    for form in report.FORMS:
        for condition in ("clean", *KEPT):
            folds = [settings.RUNS / f"tiny_{form}/{fold}/{condition}.csv" for fold in range(1, FOLDS + 1)]
            clips = pd.concat([read_predictions(path, DIGITS) for path in folds])
            assert sorted(clips["clip"]) == sorted(names)
            assert set(clips["split"]) == {"test"}


def test_clips_as_they_are_can_be_read_as_runs_of_other_projects(project):
    for form in report.FORMS:
        runs = read_runs(settings.CLEAN_RUNS / f"luna/tiny_{form}")
        assert sorted(runs["clip"]) == sorted(pd.read_csv("data/clips.csv")["clip"])
        clean = read_predictions(settings.RUNS / f"tiny_{form}/3/clean.csv", DIGITS)
        part = runs[runs["fold"] == 3].reset_index(drop=True)
        np.testing.assert_allclose(part[list(EMOTIONS)], clean[list(EMOTIONS)], atol=1e-4)


def test_compactnet_leaves_the_same_files_and_nothing_to_resume(project):
    for form in report.FORMS:
        found = {path.name for path in (settings.RUNS / f"compact_{form}/1").iterdir()}
        assert found == {f"{name}.csv" for name in ("clean", *KEPT)} | {"facts.json"}
    assert Path(".resume").is_dir()
    assert list(Path(".resume").iterdir()) == []


def test_a_training_twice_gives_equal_bytes(project):
    folder, before = settings.RUNS / "compact_robust/1", {}
    for path in folder.iterdir():
        before[path.name] = path.read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        run(patch, train_compact, "robust", "1")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_robust_and_plain_forms_differ(project):
    for model, fold in (("tiny", "2"), ("compact", "1")):
        plain, robust = (settings.RUNS / f"{model}_{form}/{fold}/level.csv" for form in report.FORMS)
        assert plain.read_bytes() != robust.read_bytes()


def test_labels_of_test_clips_change_nothing_that_is_fitted(project):
    table, folder = pd.read_csv("data/clips.csv"), settings.RUNS / "tiny_robust/1"
    before = {name: (folder / name).read_bytes() for name in ("facts.json", "level.csv")}
    changed = table["actor"].isin((1, 2))
    with pytest.MonkeyPatch.context() as patch:
        table.loc[changed, "emotion"] = "calm"
        table.to_csv("data/clips.csv", index=False)
        run(patch, train_encoder, "tiny", "robust", "1")
        probabilities = pd.read_csv(folder / "level.csv")[list(EMOTIONS)]
        facts = (folder / "facts.json").read_bytes()
        write_table()
        run(patch, train_encoder, "tiny", "robust", "1")
    assert facts == before["facts.json"]
    pd.testing.assert_frame_equal(probabilities, pd.read_csv(folder / "level.csv")[list(EMOTIONS)])
    assert (folder / "level.csv").read_bytes() == before["level.csv"]


def test_the_report_has_a_row_for_each_form_and_condition(project):
    table = pd.read_csv(settings.FOLDER / "tables/tiny.csv")
    assert table[["form", "condition"]].to_numpy().tolist() == [
        [form, condition] for form in report.FORMS for condition in ("clean", *KEPT)
    ]
    assert table["uar"].between(table["uar_low"], table["uar_high"]).all()
    for column in ("accuracy", "confidence", "ece", "coverage", "answered"):
        assert table[column].between(0, 1).all()
    facts = json.loads((settings.FOLDER / "metrics/tiny.json").read_text())
    robust = table[(table["form"] == "robust") & (table["condition"] != "clean")]
    assert facts["robust"]["mean_uar"]["mean"] == pytest.approx(robust["uar"].mean(), abs=1e-4)
    silence = robust.set_index("condition").loc["silence"]
    assert facts["robust"]["untrained_kinds_mean_uar"] == pytest.approx(silence["uar"], abs=1e-4)
    assert (settings.FOLDER / "plots/tiny.png").stat().st_size > 10_000


def test_scores_of_one_condition_are_those_of_its_clips():
    emotions = np.repeat(["calm", "sad"], 4)
    run = pd.DataFrame(0.05, index=range(8), columns=list(EMOTIONS)).assign(
        clip=[f"c{row}" for row in range(8)], emotion=emotions, actor=[1, 1, 2, 2] * 2, unit=1
    )
    run["calm"] = 0.65
    run = run.assign(temperature=1.0, min_confidence=0.5)
    scored = report.score(run, accuracy=0.5)
    assert (scored["uar"], scored["accuracy"], scored["coverage"], scored["answered"]) == (0.5, 0.5, 1.0, 1.0)
    assert scored["ece"] == pytest.approx(0.15, abs=0.01)
    assert report.score(run, accuracy=0.6)["coverage"] == 0
    assert np.isnan(report.score(run.assign(min_confidence=1.0), 0.5)["answered_accuracy"])
