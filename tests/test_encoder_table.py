"""The encoders side by side: sizes, sounds, layers that lie side by side, table and picture, and the timing."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from benchmarks import encoders as timing
from ser.corpora.emotions import EMOTIONS
from ser.data.embeddings import EmbeddedClips
from ser.encoders.loading import load_encoder_model
from ser.encoders.size import count_parameters, size_of
from ser.encoders.yamnet import SPEECH
from ser.evaluation.fold_predictions import write_run
from ser.evaluation.plotting import save_figure
from ser.models.logistic import LogisticSettings
from ser.storage.files import read_table, write_json, write_table
from studies.encoders import side_by_side
from studies.encoders.cost_figure import draw_cost
from studies.encoders.layers import score_layers
from studies.encoders.sounds import SILENCE, table_of
from tests.tiny_encoders import LAYERS, WIDTH, save_encoder, save_pipeline, save_yamnet, speechlike

SETTINGS = LogisticSettings(inverse_penalty=0.01, iterations=500)


def test_the_size_of_a_transformer_is_that_of_its_encoder(tmp_path):
    whisper, wavlm = (save_encoder(family, tmp_path / family) for family in ("whisper", "wavlm"))
    size = size_of(whisper)
    model = load_encoder_model(whisper, "whisper")
    assert size["layers"] == LAYERS + 1
    assert size["numbers"] == 2 * (LAYERS + 1) * WIDTH
    assert size["parameters"] == sum(weight.numel() for weight in model.encoder.parameters())
    assert size["megabytes"] > 4e-6 * size["parameters"]  # the decoder's lie in the file, too
    assert count_parameters(wavlm) == sum(weight.numel() for weight in load_encoder_model(wavlm, "wavlm").parameters())


def test_the_size_of_other_kinds(tmp_path, monkeypatch):
    (tmp_path / "yamnet").mkdir()
    size = size_of(save_yamnet(tmp_path / "yamnet"))
    assert size | {"megabytes": 0} == {"layers": 14, "numbers": 2 * 5984, "parameters": 3_729_481, "megabytes": 0}
    assert 15 < size["megabytes"] < 16
    folder = save_pipeline("TINY", tmp_path / "tiny", monkeypatch)
    (folder / "config.json").write_text('{"model_type": "torchaudio", "pipeline": "TINY"}')
    weights = torch.load(folder / "tiny.pth")
    assert count_parameters(folder) == sum(tensor.numel() for tensor in weights.values())


def test_sounds_are_counted_by_the_top_class():
    scores = np.full((5, 521), 0.1)
    for clip, top in enumerate((SPEECH, SPEECH, 6, SILENCE, 300)):
        scores[clip, top] = 0.9
    emotions = pd.Series(["sad", "sad", "sad", "calm", "calm"])
    table = table_of(scores, emotions).set_index("emotion")
    assert table.index.tolist() == ["calm", "sad", "all"]
    assert table.loc["sad", ["top_speech", "top_other_voice", "top_silence", "top_other"]].tolist() == [
        2 / 3,
        1 / 3,
        0,
        0,
    ]
    assert table.loc["calm", ["top_speech", "top_other_voice", "top_silence", "top_other"]].tolist() == [0, 0, 0.5, 0.5]
    assert table.loc["all", "speech_score"] == pytest.approx((0.9 * 2 + 0.1 * 3) / 5)
    assert table.loc["all", "clips"] == 5


def test_layers_side_by_side_are_scored_one_by_one():
    random = np.random.default_rng(1)
    labels = np.arange(160) % 8
    informed = np.eye(8)[labels][None, :, None, None] + 0.3 * random.standard_normal((1, 160, 1, 2, 8))
    noise = random.standard_normal((1, 160, 1, 2, 5))
    split = np.array(["train", "train", "val"])[np.arange(160) // 54]
    clips = EmbeddedClips(np.concatenate([noise, informed], axis=-1), labels, split)
    scores = score_layers(clips, SETTINGS, widths=(5, 8))
    assert len(scores) == 3
    assert scores[0] < 0.4 < 0.8 < scores[1]
    assert scores == [
        *(score_layers(EmbeddedClips(part, labels, split), SETTINGS)[0] for part in (noise, informed)),
        score_layers(clips, SETTINGS)[-1],
    ]


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """Runs of two encoders on five folds, one perfect and one that always says neutral; the time of one is known."""
    monkeypatch.chdir(tmp_path)
    clips = pd.DataFrame({"clip": [f"clip-{number}" for number in range(80)]})
    clips["actor"], clips["emotion"] = np.arange(80) // 8 + 1, [EMOTIONS[number % 8] for number in range(80)]
    write_table(clips.assign(path="none.wav"), side_by_side.CLIPS)
    labels = torch.arange(80) % 8
    for encoder, logits in (("right", 9.0 * torch.eye(8)[labels]), ("same", torch.eye(8)[torch.zeros(80, dtype=int)])):
        for fold in range(1, 6):
            tested = (clips["actor"] - 1) % 5 + 1 == fold
            split = np.where(tested, "test", np.where(clips["actor"] % 2, "train", "val"))
            write_run(side_by_side.RUNS / encoder / f"{fold}-1.csv", clips.assign(split=split), logits)
        write_json(
            {"layers": 3, "numbers": 10, "parameters": 5_000_000, "megabytes": 20.0},
            side_by_side.SIZES / f"{encoder}.json",
        )
    side_by_side.PARAMS.write_text(
        "sources: {right: {name: org/right, revision: main}, same: {name: same, revision: known}}\n"
    )
    side_by_side.TIMES.parent.mkdir()
    side_by_side.TIMES.write_text("encoder,ms_per_clip\nright,12.5\ngone,3\n")
    return tmp_path


def test_encoders_stand_side_by_side(project, capsys):
    side_by_side.main()
    table = read_table(side_by_side.TABLE)
    assert table["encoder"].tolist() == ["right", "same"]
    assert table["source"].tolist() == ["org/right", "same"]
    assert table["uar"].tolist() == [1.0, 0.125]
    assert (table["low"] <= table["uar"]).all() and (table["uar"] <= table["high"]).all()
    assert table.loc[0, "ms_per_clip"] == 12.5
    assert table.loc[1, "ms_per_clip"] != table.loc[1, "ms_per_clip"]
    assert (
        "no time of ['same'] in benchmarks/encoders.csv: `python -m benchmarks.encoders` measures"
        in capsys.readouterr().out
    )
    first = side_by_side.FIGURE.read_bytes()
    side_by_side.main()
    assert side_by_side.FIGURE.read_bytes() == first


def test_an_encoder_that_lacks_folds_is_named(project):
    for suffix in ("csv", "json"):
        (side_by_side.RUNS / f"same/3-1.{suffix}").unlink()
    with pytest.raises(SystemExit, match=r"runs/luna/same: seed 1 lacks the folds \[3\]"):
        side_by_side.main()


def test_a_table_without_times_is_drawn(tmp_path):
    columns = ["encoder", "parameters", "uar", "low", "high", "ms_per_clip"]
    save_figure(draw_cost(pd.DataFrame(columns=columns)), tmp_path / "empty.png")
    assert (tmp_path / "empty.png").stat().st_size > 1000


def test_every_encoder_is_timed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = [f"clip-{number}" for number in range(30)]
    Path("data/raw").mkdir(parents=True)
    for name in (names[0], names[24]):
        soundfile.write(f"data/raw/{name}.wav", speechlike(0.4, 1).numpy(), 16000)
    pd.DataFrame({"clip": names, "path": [f"{name}.wav" for name in names]}).to_csv("data/clips.csv", index=False)
    save_encoder("whisper", Path("studies/encoders/weights/small"))
    monkeypatch.setattr(sys, "argv", ["encoders", "--repeats", "2", "--out", "times.csv"])
    threads = torch.get_num_threads()
    timing.main()
    torch.set_num_threads(threads)
    table = read_table(Path("times.csv"), ("encoder", "clips", "seconds_per_clip", "ms_per_clip", "machine"))
    assert table.loc[0, ["encoder", "clips", "seconds_per_clip"]].tolist() == ["small", 2, 0.4]
    assert 0 < table.loc[0, "fastest"] <= table.loc[0, "ms_per_clip"] <= table.loc[0, "slowest"]
