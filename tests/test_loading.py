"""A model from its folder gives recordings the probabilities that it gave their features."""

import dataclasses
import json
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from ser.corpora.emotions import EMOTIONS
from ser.corpora.ravdess import parse_name
from ser.corpora.synthesis import SAMPLE_RATE_HZ, synthesise_clip
from ser.data.fixed_length import RAVDESS_AudioDataset
from ser.data.own_length import OwnLengthClips
from ser.evaluation.predictions import read_predictions
from ser.features.audio import AudioSettings, load_mono, resample
from ser.features.fixed_mel import FixedMel, MelSettings
from ser.features.fixed_mfcc import FixedMfcc
from ser.features.mfcc import MfccSettings
from ser.features.own_length_mel import LogMelSettings, OwnLengthMel
from ser.models import cnn, compact, extractor, lstm
from ser.models.hybrid import Hybrid
from ser.models.loading import LOADERS, load_model
from ser.networks.cnn import AudioCNNConfig
from ser.networks.cnn_lstm import CNNLSTMConfig
from ser.networks.compact import CompactConfig
from ser.networks.lstm import AudioLSTMConfig
from ser.storage.params import ParamsError
from ser.training.boosting import BoostingSettings
from ser.training.runtime import RunSettings
from ser.training.schedule import ScheduleSettings
from tests.test_augmentation import OFF

CPU = torch.device("cpu")
RATE_HZ = 16_000
RUN = RunSettings(seed=0, threads=1)
AUDIO, MEL = AudioSettings(RATE_HZ, 3.0), MelSettings(20, 512, 256, 80.0)
FRONT_ENDS = {
    "cnn": FixedMel(AUDIO, MEL),
    "lstm": FixedMfcc(AUDIO, MEL, MfccSettings(12)),
    "extractor": FixedMel(AUDIO, MEL),
    "hybrid": FixedMel(AUDIO, MEL),
    "compact": OwnLengthMel(RATE_HZ, LogMelSettings(20, 512, 400, 80.0, 35.0)),
}
PLAIN = (1, 4, 0.01, "float32", "global", OFF)  # of one epoch
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def wavs(tmp_path_factory) -> list[Path]:
    """Two clips of each emotion, by two actors, as 16-bit WAV files at 48 kHz."""
    folder = tmp_path_factory.mktemp("wavs")
    names = [f"03-01-{code:02d}-01-01-01-{actor:02d}.wav" for actor in (1, 2) for code in range(1, 9)]
    for name in names:
        path = PurePosixPath(f"Actor_{name[-6:-4]}") / name
        samples = synthesise_clip(parse_name(path), seed=7)
        soundfile.write(folder / name, samples, SAMPLE_RATE_HZ, subtype="PCM_16")
    return [folder / name for name in names]


@pytest.fixture(scope="module")
def trained(wavs, tmp_path_factory) -> dict[str, np.ndarray]:
    """Train each model for one epoch on the clips, save it as a folder; return its probabilities and, as `folder`,
    where the folders are.
    """
    folder = tmp_path_factory.mktemp("models")
    waveforms = [load_mono(path, RATE_HZ) for path in wavs]
    table = pd.DataFrame({"clip": [path.stem for path in wavs], "emotion": 2 * list(EMOTIONS)})
    table["split"] = ["train"] * 12 + ["val"] * 4
    features = {name: front_end(waveforms) for name, front_end in FRONT_ENDS.items()}
    fixed = {
        name: RAVDESS_AudioDataset(table, features[name], dataclasses.asdict(FRONT_ENDS[name]))
        for name in ("cnn", "lstm", "extractor")
    }
    models = {
        "cnn": cnn.CNN.train(fixed["cnn"], cnn.Settings(*PLAIN, 8, AudioCNNConfig((4, 4), 3, 0.3, 8)), RUN, CPU),
        "lstm": lstm.LSTM.train(fixed["lstm"], lstm.Settings(*PLAIN, AudioLSTMConfig(6, 2, 0.4)), RUN, CPU),
        "extractor": extractor.Extractor.train(
            fixed["extractor"],
            extractor.Settings(*PLAIN, 8, CNNLSTMConfig((4, 4), (5, 3), 0.3, 6, 2, 0.4)),
            RUN,
            CPU,
        ),
    }
    for name, model in models.items():
        model.save(folder / name)
    probabilities = {name: model.probabilities(features[name]) for name, model in models.items()}
    return {
        "folder": folder,
        **probabilities,
        "hybrid": _hybrid(table, models["extractor"], features["hybrid"], folder / "hybrid"),
        "compact": _compact(features["compact"], fixed["cnn"].labels, folder / "compact"),
    }


def _hybrid(table: pd.DataFrame, extractor: extractor.Extractor, features: torch.Tensor, folder: Path) -> np.ndarray:
    embeddings = extractor.embed(features)
    parts = [table.assign(split=split) for split in [*["train"] * 5, "val"]]  # a leaf needs 20 clips
    dataset = RAVDESS_AudioDataset(pd.concat(parts), torch.cat([embeddings] * len(parts)))
    settings = BoostingSettings(0, 1, 5, 0.3, 4, 1.0, 1.0, 1, 0.0, 0.0, 5)
    model = Hybrid.train(dataset, settings)
    model.save(folder, extractor)
    return model.probabilities(embeddings)


def _compact(clips: list[torch.Tensor], labels: torch.Tensor, folder: Path) -> np.ndarray:
    network = CompactConfig((4, 4), 8, 3, (1, 2), dropout=0.1, lstm_hidden=4, heads=2, head_dropout=0.1)
    schedule = ScheduleSettings(1, 4, 0.01, 0.2, 0.01, 0.1, 0.5, 5.0)
    dataset = OwnLengthClips(clips, labels, dataclasses.asdict(FRONT_ENDS["compact"]))
    model = compact.Compact.train(dataset, dataset, compact.Settings("float32", schedule, OFF, network), RUN, CPU)
    model.save(folder)
    return model.probabilities(dataset)


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_recordings_get_the_probabilities_of_their_features(name, wavs, trained):
    recordings = [soundfile.read(path) for path in wavs]
    predicted = load_model(trained["folder"] / name).predict(*zip(*recordings, strict=True))
    assert (predicted.shape, predicted.dtype) == ((16, 8), np.float64)
    np.testing.assert_allclose(predicted.sum(axis=1), 1, rtol=0, atol=1e-12)
    np.testing.assert_allclose(predicted, trained[name], rtol=0, atol=TOLERANCE)
    assert np.ptp(predicted, axis=0).max() > 100 * TOLERANCE  # clips are told apart


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_a_recording_may_have_two_channels_another_rate_and_other_types(name, wavs, trained):
    plain = [soundfile.read(path)[0] for path in wavs[:4]]
    stereo = np.stack([1.5 * plain[1], 0.5 * plain[1]], axis=1)
    resampled = resample(torch.from_numpy(plain[2]).float(), SAMPLE_RATE_HZ, RATE_HZ)
    model = load_model(trained["folder"] / name)
    predicted = model.predict(
        [plain[0].astype(np.float32), stereo, resampled, torch.from_numpy(plain[3])],
        [SAMPLE_RATE_HZ, SAMPLE_RATE_HZ, RATE_HZ, SAMPLE_RATE_HZ],
    )
    np.testing.assert_allclose(predicted, trained[name][:4], rtol=0, atol=TOLERANCE)
    alone = model.predict([stereo], [SAMPLE_RATE_HZ])
    np.testing.assert_allclose(alone, trained[name][1:2], rtol=0, atol=TOLERANCE)


def test_each_recording_needs_its_rate(wavs, trained):
    model = load_model(trained["folder"] / "cnn")
    with pytest.raises(ValueError, match="shorter"):
        model.predict([soundfile.read(wavs[0])[0]] * 2, [SAMPLE_RATE_HZ])


@pytest.mark.parametrize("name", ["cnn", "lstm", "hybrid", "compact"])
def test_models_of_the_pipeline_predict_from_the_files_what_it_wrote(name, demo_project):
    clips = pd.read_csv(demo_project / "data/clips.csv")
    recordings = [soundfile.read(demo_project / "data/raw" / path) for path in clips["path"]]
    predicted = load_model(demo_project / "models" / name).predict(*zip(*recordings, strict=True))
    expected = read_predictions(demo_project / f"data/predictions/{name}.csv").set_index("clip").loc[clips["clip"]]
    assert len(clips) == 120
    np.testing.assert_allclose(predicted, expected[list(EMOTIONS)], rtol=0, atol=TOLERANCE)


def test_every_model_of_the_pipeline_is_known(demo_project):
    paths = (demo_project / "models").glob("*/model.json")
    models = {path.parent.name: json.loads(path.read_text())["model"] for path in paths}
    assert models.keys() | {"encoder"} == LOADERS.keys()
    assert all(model == name for name, model in models.items())


@pytest.fixture
def folder(trained, tmp_path) -> Path:
    """A copy of the CNN, to change."""
    for path in (trained["folder"] / "cnn").iterdir():
        (tmp_path / "some").mkdir(exist_ok=True)
        (tmp_path / "some" / path.name).write_bytes(path.read_bytes())
    load_model(tmp_path / "some")
    return tmp_path / "some"


def edit(folder: Path, drop: str = "", **changes: object) -> None:
    path = folder / "model.json"
    description = json.loads(path.read_text()) | changes
    description.pop(drop, None)
    path.write_text(json.dumps(description))


def test_an_unknown_model_is_named_with_those_that_are_known(folder):
    edit(folder, model="transformer")
    message = r"some: holds the model 'transformer'; known are \['cnn', 'compact', 'encoder', 'extractor', 'hybrid', "
    with pytest.raises(ValueError, match=message):
        load_model(folder)


@pytest.mark.parametrize("key", ["model", "emotions", "config", "front_end", "input_shape", "precision"])
def test_missing_keys_are_named(folder, key):
    edit(folder, drop=key)
    with pytest.raises(ValueError, match=rf"some/model\.json: not the description of a model, lacks \['{key}'\]"):
        load_model(folder)


@pytest.mark.parametrize(
    ("name", "key"), [("compact", "bands"), ("hybrid", "best_iteration"), ("hybrid/extractor", "front_end")]
)
def test_missing_keys_of_other_models_are_named(name, key, trained, tmp_path):
    top = name.split("/")[0]
    for path in (trained["folder"] / top).rglob("*"):
        if path.is_file():
            copy = tmp_path / path.relative_to(trained["folder"])
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    edit(tmp_path / name, drop=key)
    with pytest.raises(ValueError, match=rf"{name}/model\.json: not the description of a model, lacks \['{key}'\]"):
        load_model(tmp_path / top)


@pytest.mark.parametrize(
    ("front_end", "message"),
    [
        ({}, r"some: front_end\.audio: missing\n  front_end\.mel: missing"),
        ({"audio": {"sample_rate_hz": 16000}, "mel": {}}, r"some: front_end\.audio\.duration_s: missing"),
        ({"rate": 3}, r"front_end\.rate: unknown; allowed are \['audio', 'mel'\]"),
    ],
)
def test_settings_of_features_that_do_not_fit_are_named(folder, front_end, message):
    edit(folder, front_end=front_end)
    with pytest.raises(ParamsError, match=message):
        load_model(folder)


def test_other_emotions_are_refused(folder):
    edit(folder, emotions=[*EMOTIONS[1:], EMOTIONS[0]])
    message = r"some/model\.json: its emotions are \['calm', .*'neutral'\], expected \['neutral', 'calm', "
    with pytest.raises(ValueError, match=message):
        load_model(folder)


@pytest.mark.parametrize("exists", [True, False])
def test_a_folder_that_is_no_model_is_named(tmp_path, exists):
    if exists:
        (tmp_path / "raw").mkdir()
    with pytest.raises(FileNotFoundError, match=r"raw/model\.json: no such file; expected the folder of a model"):
        load_model(tmp_path / "raw")


@pytest.mark.parametrize("text", ["", "weights", "[]"])
def test_a_damaged_description_is_named(folder, text):
    (folder / "model.json").write_text(text)
    with pytest.raises(ValueError, match=r"some/model\.json: not the description of a model"):
        load_model(folder)
