"""Other corpora: fetched and checked, folds of whole speakers, and what is trained on which clips."""

import dataclasses
import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
import yaml

from scripts.demo import ROOT
from ser.corpora.catalogue import CORPORA
from ser.corpora.clips import measure_folder
from ser.corpora.emotions import EMOTION_INDEX, EMOTIONS
from ser.corpora.sources import copy_clips, describe_source
from ser.data.centring import log_mel_mean, move_embeddings, move_log_mel
from ser.evaluation.predictions import read_predictions
from ser.networks.compact import LevelAndShape
from ser.storage.dotted import override
from ser.storage.params import ParamsError
from ser.storage.yaml12 import read_yaml
from studies.outside.corpora import compact, compare, embed, encoder, fetch, folds, ingest, logmel, protocols, scores
from studies.outside.corpora.settings import PROJECT, CorporaSettings, read_corpus
from tests.conftest import TINY
from tests.pipeline import declared_params, read_leaves, stages_of
from tests.tiny_encoders import save_encoder, speechlike

SHARED = ROOT.parent / "shared/corpora"
SETTINGS = folds.FoldSettings(5, 42)


def run(stage, *arguments: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["stage", *arguments])
        stage.main()


def change(path: Path, **changes: object) -> None:
    params = override(read_yaml(path), {key.replace("__", "."): value for key, value in changes.items()})
    path.write_text(yaml.safe_dump(params), encoding="utf-8")


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """An empty project with small settings, as working directory, and copies of two corpora: one as EMO-DB, a table."""
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setattr(compact, "set_up_torch", lambda threads: torch.device("cpu"))
    for name in ("params.yaml", "studies/encoders/params.yaml", f"{PROJECT}/params.yaml"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, name)
    tiny = {key: value for key, value in TINY.items() if key.startswith("train_compact")}
    change(Path("params.yaml"), **{key.replace(".", "__"): value for key, value in tiny.items()})
    change(PROJECT / "params.yaml", corpora__studied=["emodb", "mine"], corpora__fetched=["emodb", "mine"])
    sources = tmp_path / "sources"
    emotions = {"W": "angry", "L": "boredom", "F": "happy", "T": "sad", "N": "neutral"}
    for index, speaker in enumerate(("03", "08", "09", "16")):
        for place, letter in enumerate(emotions):
            sound(sources / f"emodb/wav/{speaker}a01{letter}a.flac", index, place)
    rows = ["path,emotion,speaker"]
    for index in range(6):
        for place, emotion in enumerate(("angry", "happy", "surprised")):
            sound(sources / f"mine/{index}-{place}.wav", 10 + index, place)
            rows.append(f"{index}-{place}.wav,{emotion},s{index}")
    (sources / "mine/table.csv").write_text("\n".join(rows), encoding="utf-8")
    monkeypatch.setenv("EMODB_SOURCE", str(sources / "emodb"))
    monkeypatch.setenv("MINE_SOURCE", str(sources / "mine/table.csv"))
    return tmp_path


def sound(path: Path, speaker: int, emotion: int) -> None:
    """Write a clip whose pitch is its emotion's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tone = np.sin(2 * np.pi * 200 * (emotion + 1) * np.arange(8000) / 16000)
    soundfile.write(path, 0.3 * tone + 0.3 * speechlike(0.5, speaker).numpy(), 16000)


def clips_of(speakers: int, emotions: tuple[str, ...] = ("happy", "sad"), each: int = 3) -> pd.DataFrame:
    """A clip table of so many clips of each emotion by each speaker."""
    rows = [
        {"clip": f"{actor}-{emotion}-{index}", "actor": f"s{actor}", "emotion": emotion, "duplicate_of": None}
        for actor in range(speakers)
        for emotion in emotions
        for index in range(each)
    ]
    return pd.DataFrame(rows)


# Bringing a corpus


def test_a_manifest_is_made_at_first_and_checked_ever_after(project, capsys):
    manifest = PROJECT / "manifests/emodb.md5"
    run(fetch, "emodb")
    assert "20 files of emodb, written down in studies/outside/corpora/manifests/emodb.md5" in capsys.readouterr().out
    before = manifest.read_bytes()
    run(fetch, "emodb")
    assert "every MD5 right" in capsys.readouterr().out and manifest.read_bytes() == before
    sound(project / "sources/emodb/wav/03a01Wa.flac", 99, 3)
    with pytest.raises(
        SystemExit, match=r"03a01Wa\.flac: altered(.|\n)*remove studies/outside/corpora/manifests/emodb"
    ):
        run(fetch, "emodb")
    assert manifest.read_bytes() == before


def test_a_table_is_checked_against_its_manifest_too(project):
    run(fetch, "mine")
    lines = (project / "sources/mine/table.csv").read_text().splitlines()
    (project / "sources/mine/table.csv").write_text("\n".join(lines[:-1]))
    with pytest.raises(SystemExit, match=r"clips/5-2\.wav: missing\n  table\.csv: altered\nIf this copy shall be"):
        run(fetch, "mine")


def test_a_corpus_without_a_source_says_where_it_is_and_how_to_do_without(project, monkeypatch):
    monkeypatch.delenv("EMODB_SOURCE")
    with pytest.raises(SystemExit, match=r"EMO-DB is not downloaded.*EMODB_SOURCE=/path/to/it\. Or take emodb out of"):
        run(fetch, "emodb")
    monkeypatch.setenv("MINE_SOURCE", str(project))
    with pytest.raises(
        SystemExit, match=r"mine is none of the corpora ravdess, .*MINE_SOURCE=/path/to/table\.csv \(MINE"
    ):
        run(fetch, "mine")


def test_a_source_that_cannot_be_read_is_named(project, monkeypatch):
    for name, path, message in (
        ("emodb", project / "gone.zip", "gone.zip: no such file or folder; expected a zip archive"),
        ("emodb", project / "sources/mine/0-0.wav", "0-0.wav: expected a folder or a whole zip archive"),
        ("mine", project / "gone.csv", "gone.csv"),
    ):
        monkeypatch.setenv(f"{name.upper()}_SOURCE", str(path))
        with pytest.raises(SystemExit, match=re.escape(message)):
            run(fetch, name)
    assert not (PROJECT / "manifests").exists()


def test_other_emotions_are_counted_and_stay_in_the_table(project, capsys):
    run(fetch, "emodb")
    run(ingest, "emodb")
    assert "not learned: 4 clips of boredom, none of the eight emotions" in capsys.readouterr().out
    assert (read_corpus("emodb")["emotion"] == "boredom").sum() == 4


def test_unknown_speakers_are_said(project, capsys):
    text = (project / "sources/mine/table.csv").read_text()
    (project / "sources/mine/table.csv").write_text("\n".join(line.rpartition(",")[0] for line in text.splitlines()))
    run(fetch, "mine")
    run(ingest, "mine")
    assert "speakers unknown: each clip counts as one" in capsys.readouterr().out
    drawn = folds.draw_folds(read_corpus("mine"), SETTINGS, "mine")
    assert sorted(set(drawn["fold"])) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("studied", "fetched"), [(["ravdess", "emodb"], []), (["emodb"], ["emodb", "urdu"]), (["emodb"] * 2, ["emodb"])]
)
def test_lists_of_corpora_that_do_not_fit_are_named(studied, fetched):
    with pytest.raises(ParamsError, match=r"fetched is|studied is"):
        CorporaSettings(tuple(studied), tuple(fetched))


# Folds


def test_folds_keep_speakers_apart_and_are_the_same_again():
    clips = clips_of(12)
    drawn = folds.draw_folds(clips, SETTINGS, "mine")
    assert (drawn.merge(clips)[["actor", "fold"]].drop_duplicates().groupby("actor").size() == 1).all()
    assert sorted(set(drawn["fold"])) == [1, 2, 3, 4, 5]
    assert drawn.equals(folds.draw_folds(clips, SETTINGS, "mine"))
    assert not drawn.equals(folds.draw_folds(clips, dataclasses.replace(SETTINGS, seed=1), "mine"))


def test_a_corpus_of_two_speakers_has_two_folds():
    assert sorted(set(folds.draw_folds(clips_of(2), SETTINGS, "tess")["fold"])) == [1, 2]


def test_an_emotion_of_one_speaker_is_named_before_anything_is_trained():
    clips = clips_of(5)
    clips.loc[clips["actor"] == "s3", "emotion"] = "angry"
    with pytest.raises(ValueError, match=r"mine: no clips are left.*\n.*all clips of angry are tested.*\['s3'\]\nTake"):
        folds.draw_folds(clips, SETTINGS, "mine")


def test_one_speaker_makes_no_folds_but_a_split_does():
    clips = clips_of(1)
    with pytest.raises(ValueError, match=r"has one speaker, s0; folds need two\. Give"):
        folds.draw_folds(clips, SETTINGS, "mine")
    clips["split"] = np.where(clips["clip"].str.endswith("0"), "test", "train")
    drawn = folds.draw_folds(clips, SETTINGS, "mine").set_index("clip")["fold"]
    assert (drawn == clips.set_index("clip")["split"].map({"test": 1, "train": 0})).all()
    with pytest.raises(ValueError, match="mine: no clip of the eight emotions is in the split test"):
        folds.draw_folds(clips.assign(split="train"), SETTINGS, "mine")


def test_repeats_of_a_clip_stay_together_where_speakers_are_unknown():
    clips = clips_of(20, each=1)
    clips["actor"] = clips["clip"]
    clips["duplicate_of"] = clips["clip"].where(clips.index % 4 == 0).ffill().where(clips.index % 4 > 0)
    clips["emotion"] = np.where(clips.index // 4 % 2, "happy", "sad")
    drawn = folds.draw_folds(clips, SETTINGS, "mine")
    assert drawn.groupby(clips["duplicate_of"].fillna(clips["clip"]))["fold"].nunique().max() == 1


# Which clips are trained on, and which are tested


@dataclasses.dataclass(frozen=True)
class Heard:
    """Clips of one number each, for a model that keeps what it was trained on."""

    table: pd.DataFrame
    values: np.ndarray

    def __getitem__(self, rows):
        return Heard(self.table[rows], self.values[rows])

    def moved(self, onto):
        return Heard(self.table, self.values + onto - self.values.mean())


class Model:
    def __init__(self, parts: list[Heard]) -> None:
        self.parts, self.asked = parts, []
        self.mean = np.concatenate([part.values for part in parts]).mean()

    def logits(self, clips: Heard) -> np.ndarray:
        self.asked.append(clips)
        logits = np.full((len(clips.table), len(EMOTIONS)), 1.0)
        logits[:, EMOTION_INDEX["calm"]] = 9.0
        return logits


@pytest.fixture
def heard(tmp_path, monkeypatch) -> dict[str, Heard]:
    """Three corpora: their emotions differ, one has boredom, and each has values about a mean of its own."""
    monkeypatch.chdir(tmp_path)
    emotions = {"one": ("calm", "happy", "sad"), "two": ("happy", "sad", "boredom"), "three": ("angry", "happy", "sad")}
    made = {}
    for place, (name, found) in enumerate(emotions.items()):
        table = clips_of(4, found).assign(path="x", sex=None)
        table["clip"] = name + table["clip"]
        (PROJECT / "tables").mkdir(parents=True, exist_ok=True)
        table.to_csv(PROJECT / f"tables/{name}.csv", index=False)
        made[name] = Heard(table, np.arange(len(table)) + 100.0 * place**2)
        (PROJECT / "folds").mkdir(exist_ok=True)
        folds.draw_folds(table, SETTINGS, name).to_csv(PROJECT / f"folds/{name}.csv", index=False)
    return made


def trained_by(models: list[Model]):
    def train(parts: list[Heard]) -> Model:
        models.append(Model(parts))
        return models[-1]

    return train


def test_leaving_a_corpus_out_trains_on_no_clip_of_it(heard):
    models: list[Model] = []
    protocols.left_out("fake", "two", tuple(heard), heard.__getitem__, trained_by(models))
    for model in models:
        trained = set().union(*(part.table["clip"] for part in model.parts))
        assert trained == {*heard["one"].table["clip"], *heard["three"].table["clip"]}
        assert not trained & set(model.asked[0].table["clip"])
    plain, adapted = models
    assert plain.asked[0].values.mean() != pytest.approx(plain.mean)
    assert adapted.asked[0].values.mean() == pytest.approx(adapted.mean)
    assert [part.values.mean() for part in adapted.parts] == pytest.approx([0.0, 0.0])


def test_no_model_learns_other_emotions_but_their_clips_count_for_the_mean(heard):
    models: list[Model] = []
    protocols.left_out("fake", "one", tuple(heard), heard.__getitem__, trained_by(models))
    assert {emotion for model in models for part in model.parts for emotion in part.table["emotion"]} <= set(EMOTIONS)
    two = models[1].parts[0]
    assert two.values.mean() != pytest.approx(0.0)  # boredom was moved with the others, and then left out


def test_corpora_of_the_same_speakers_are_not_trained_on():
    assert protocols.others_of("ravdess", ("ravdess", "ravdess_song", "emodb")) == ["emodb"]
    assert protocols.others_of("emodb", ("ravdess", "ravdess_song", "emodb")) == ["ravdess", "ravdess_song"]


def test_a_corpus_alone_leaves_nothing_to_train_on(heard, capsys):
    protocols.left_out("fake", "one", ("one",), heard.__getitem__, trained_by([]))
    assert "nothing to train on" in capsys.readouterr().out
    assert list((PROJECT / "runs/left_out/fake/one").iterdir()) == []


def test_probabilities_are_those_of_shared_emotions_alone(heard):
    protocols.across("fake", "one", ("one", "two"), heard.__getitem__, Model([heard["one"]]))
    table = read_predictions(PROJECT / "runs/across/fake/one/two.csv", 4)
    assert set(table["emotion"]) == {"happy", "sad"}
    assert (table[["happy", "sad"]] == 0.5).all(axis=None) and (
        table.drop(columns=["happy", "sad"])[["calm"]] == 0
    ).all(axis=None)
    facts = json.loads((PROJECT / "runs/across/fake/one/two-corpus_adapted.json").read_text())
    assert facts == {"adapted": True, "model": "fake", "protocol": "across", "test": "two", "train": ["one"]}


def test_adapting_moves_the_test_corpus_onto_the_training_mean(heard):
    model = Model([heard["one"]])
    protocols.across("fake", "one", ("one", "two"), heard.__getitem__, model)
    assert [clips.values.mean() for clips in model.asked] == pytest.approx([heard["two"].values.mean(), model.mean])


def test_within_a_corpus_every_clip_is_tested_once_by_other_speakers(heard):
    models: list[Model] = []
    protocols.within("fake", "two", heard.__getitem__, trained_by(models))
    for model in models:
        assert not set(model.parts[0].table["actor"]) & set(model.asked[0].table["actor"])
    tested = [clip for model in models for clip in model.asked[0].table["clip"]]
    known = heard["two"].table[heard["two"].table["emotion"] != "boredom"]
    assert sorted(tested) == sorted(known["clip"])
    assert len(read_predictions(PROJECT / "runs/within/fake/two.csv", 4)) == len(known)


def test_too_few_shared_emotions_are_named_before_anything_is_trained(heard):
    heard["two"].table["emotion"] = heard["two"].table["emotion"].replace({"happy": "surprised"})
    message = "trained on two, three .*tested on one .calm, happy, sad.: they share sad; expected 2 or more"
    heard["three"].table["emotion"] = "angry"
    with pytest.raises(ValueError, match=message):
        protocols.left_out("fake", "one", tuple(heard), heard.__getitem__, lambda parts: pytest.fail("trained"))


# Means


def test_log_mel_is_moved_onto_the_mean_that_compactnet_measures():
    generator = torch.Generator().manual_seed(0)
    clips = [torch.randn(frames, 6, generator=generator) * 4 - 30 for frames in (5, 9, 14)]
    standardize = LevelAndShape(6)
    standardize.fit(clips)
    torch.testing.assert_close(log_mel_mean(clips), standardize.mean + standardize.level_mean)
    onto = torch.linspace(-50, -20, 6)
    moved = move_log_mel(clips, onto)
    torch.testing.assert_close(log_mel_mean(moved), onto)
    torch.testing.assert_close(moved[1] - moved[1].mean(dim=0), clips[1] - clips[1].mean(dim=0))


def test_embeddings_are_moved_onto_a_mean():
    embeddings = np.random.default_rng(0).normal(3, 1, (3, 20, 2, 2, 4)).astype(np.float32)
    onto = np.arange(16.0).reshape(2, 2, 4)
    moved = move_embeddings(embeddings, onto)
    np.testing.assert_allclose(moved.mean(axis=(0, 1)), onto, atol=1e-5)
    assert moved.dtype == np.float32


# Scores


def predictions(emotions: list[str], wanted: list[str], confidence: float) -> pd.DataFrame:
    """Rows of two emotions; the wanted one has this probability."""
    table = pd.DataFrame({"clip": [str(index) for index in range(len(emotions))], "emotion": emotions, "split": "test"})
    table[list(EMOTIONS)] = 0.0
    for row, guess in enumerate(wanted):
        table.loc[row, guess] = confidence
        table.loc[row, {"happy": "sad", "sad": "happy"}[guess]] = 1 - confidence
    return table.assign(actor=[str(index % 2) for index in range(len(emotions))], unit=1)


def test_scores_of_a_hand_made_run():
    table = predictions(["happy"] * 4 + ["sad"] * 2, ["happy", "happy", "happy", "sad", "sad", "happy"], 0.9)
    found = scores.score(table, None)
    assert found["uar"] == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert found["accuracy"] == pytest.approx(4 / 6)
    assert (found["chance"], found["clips"], found["speakers"], found["ece_scaled"]) == (0.5, 6, 2, None)
    assert found["ece"] == pytest.approx(0.9 - 4 / 6)
    recalls = scores.recall_of_each(table).set_index("emotion")
    assert recalls["recall"].to_dict() == {"happy": 0.75, "sad": 0.5}


def test_a_temperature_of_other_predictions_calibrates():
    table = predictions(["happy"] * 40, ["happy"] * 30 + ["sad"] * 10, 0.99)
    table.loc[0, "emotion"] = "sad"
    table.loc[0, ["happy", "sad"]] = [0.01, 0.99]
    temperature = scores.temperature_of([table])
    assert temperature > 2
    assert scores.score(table, temperature)["ece_scaled"] < 0.02 < scores.score(table, None)["ece"]


# All stages


def test_all_stages_on_small_corpora(project):
    save_encoder("whisper", Path("studies/encoders/weights/whisper"))
    for name in ("emodb", "mine"):
        for stage in (fetch, ingest, folds, logmel, embed):
            run(stage, name)
    for model in (encoder, compact):
        for task in ("train", "within", "across", "left_out"):
            for name in ("emodb", "mine"):
                if model is encoder or (task, name) != ("within", "mine"):
                    run(model, task, name)
    run(compare)
    table = pd.read_csv(PROJECT / "results/scores.csv")
    assert len(table) == 2 * (2 + 2 * 2 + 2 * 2) - 1
    assert set(table.loc[table["protocol"] != "within", "emotions"]) == {2}
    text = (PROJECT / "results/scores.md").read_text(encoding="utf-8")
    assert "EMO-DB: a public copy, resampled to 22.05 kHz" in text and "Not run yet: within/compact/mine." in text
    corpora = pd.read_csv(PROJECT / "results/corpora.csv").set_index("corpus")
    assert corpora.loc["emodb", ["clips", "left_out"]].tolist() == [16, "boredom 4"]
    recalls = pd.read_csv(PROJECT / "results/recall.csv")
    assert set(recalls.loc[(recalls["test"] == "mine") & (recalls["protocol"] == "across"), "emotion"]) == {
        "angry",
        "happy",
    }
    assert (PROJECT / "plots/matrix.png").read_bytes()[:4] == b"\x89PNG"


def test_a_project_without_runs_says_so(project):
    run(fetch, "emodb")
    run(ingest, "emodb")
    change(PROJECT / "params.yaml", corpora__studied=["emodb"], corpora__fetched=["emodb"])
    with pytest.raises(SystemExit, match="has no run of emodb"):
        run(compare)


# The real ones


@pytest.mark.parametrize(("name", "speakers"), [("emodb", 10), ("urdu", 29)])
def test_folds_of_the_real_corpora_keep_speakers_apart_and_train_every_emotion(name, speakers, tmp_path):
    archive = SHARED / {"emodb": "emodb_2s.zip", "urdu": "urdu.zip"}[name]
    if not archive.exists():
        pytest.skip("no copy of the corpus beside the repository")
    copy_clips(archive, describe_source(archive, CORPORA[name]), tmp_path)
    clips = measure_folder(tmp_path, CORPORA[name])
    drawn = folds.draw_folds(clips, SETTINGS, name).merge(clips, on="clip")
    assert drawn["actor"].nunique() == speakers
    assert (drawn.groupby("actor")["fold"].nunique() == 1).all()
    assert drawn.groupby("fold").size().min() > 0.1 * len(drawn)


# The project


def test_every_param_is_declared_and_every_stage_says_what_it_does():
    stages, leaves = stages_of(ROOT / PROJECT), set(read_leaves(ROOT / PROJECT))
    assert set().union(*(declared_params(stage, leaves) for stage in stages.values())) == leaves
    assert [name for name, stage in stages.items() if not stage.desc] == []


def test_whoever_has_ravdess_alone_runs_the_rest(tmp_path):
    shutil.copytree(ROOT / PROJECT, tmp_path / PROJECT, ignore=shutil.ignore_patterns("raw", "cache", "tmp", "trained"))
    change(tmp_path / PROJECT / "params.yaml", corpora__studied=["ravdess"], corpora__fetched=[])
    for path in ("params.yaml", "studies/encoders/params.yaml"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    stages = stages_of(tmp_path / PROJECT)
    assert not [name for name in stages if name.startswith(("fetch", "embed"))]
    assert {"reuse", "train_encoder@ravdess", "left_out_compact@ravdess", "compare"} <= stages.keys()
