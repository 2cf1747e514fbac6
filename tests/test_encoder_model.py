"""An encoder with a head as one folder: read again, it predicts from waveforms what the head predicts of its clips."""

import dataclasses
import json
import pickletools
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from scripts.demo import ROOT
from ser.corpora.emotions import EMOTIONS
from ser.data.copies import CopiedClips
from ser.data.embeddings import EmbeddedClips
from ser.encoders.extraction import Copy, pool, to_half_precision
from ser.encoders.loading import load_encoder
from ser.encoders.tunable import load_hearing
from ser.features.audio import resample
from ser.models import attentive
from ser.models.attentive import Attentive
from ser.models.boosted import BoostedHead
from ser.models.encoder import HEADS, EncoderModel, Head, save_encoder_model
from ser.models.finetuned import MODES, Finetuned, FinetuneSettings
from ser.models.loading import load_model
from ser.models.logistic import LogisticHead, LogisticSettings
from ser.storage.params import build, read_params
from ser.training.boosting import BoostingSettings
from tests.tiny_encoders import save_encoder, speechlike

CPU = torch.device("cpu")
COPIES = (Copy(35.0, (1, 1)), Copy(35.0, (16, 15)))
LABELS = torch.arange(64) // 8  # the higher the voice, the later the emotion; LightGBM splits no fewer clips
PARAMS = ROOT / "studies/encoders/params.yaml"
HEADS_AND_MODES = ["logistic", "lgbm", "attentive", *(f"finetuned_{mode}" for mode in MODES)]


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    return save_encoder("whisper", tmp_path_factory.mktemp("weights") / "whisper")


@pytest.fixture(scope="module")
def waveforms() -> list[torch.Tensor]:
    return [speechlike(0.3 + 0.01 * (clip % 16), clip) for clip in range(len(LABELS))]


def encoded(encode: Callable, waveforms: list[torch.Tensor]) -> list[list[torch.Tensor]]:
    """What a function of waveforms makes of each copy of each clip."""
    with torch.inference_mode():
        return [[encode(copy(waveform)) for waveform in waveforms] for copy in COPIES]


def train(name: str, weights: Path, waveforms: list[torch.Tensor]) -> tuple[Head, torch.Tensor]:
    """A head, trained on all clips, and its own log-probabilities of each copy (copy, clip, emotions)."""
    if name in ("logistic", "lgbm"):
        copies = [[pool(states) for states in clips] for clips in encoded(load_encoder(weights), waveforms)]
        embeddings = np.stack([torch.stack(clips).numpy() for clips in copies])
        clips = EmbeddedClips(embeddings, LABELS.numpy(), np.array(["train", "train", "train", "val"] * 16))
        head = train_logistic(clips) if name == "logistic" else train_trees(clips)
        logits = [torch.from_numpy(head.logits(copy.reshape(len(LABELS), -1))) for copy in embeddings]
        return head, torch.stack(logits).log_softmax(dim=2)
    if name == "attentive":
        copies = [
            [to_half_precision(states) for states in clips] for clips in encoded(load_encoder(weights), waveforms)
        ]
        values = read_params(PARAMS, "train_attentive") | {"threads": 1}
        values["schedule"] |= {"epochs": 3, "batch_size": 8}
        settings = build(attentive.Settings, values)
        head = Attentive.train(CopiedClips(copies, LABELS), settings, 1, CPU)
    else:
        copies = encoded(load_hearing(weights), waveforms)
        values = read_params(PARAMS, "train_finetune") | {"mode": name.removeprefix("finetuned_")}
        values |= {"precision": "float32"}
        values["schedule"] |= {"epochs": 3, "batch_size": 8}
        head = Finetuned.train(CopiedClips(copies, LABELS), weights, build(FinetuneSettings, values), 1, CPU)
    return head, torch.stack([head.logits(CopiedClips([copy], LABELS)) for copy in copies])


def train_logistic(clips: EmbeddedClips) -> LogisticHead:
    return LogisticHead.train(*clips.stacked(), LogisticSettings(inverse_penalty=0.01, iterations=500))


def train_trees(clips: EmbeddedClips) -> BoostedHead:
    values = read_params(PARAMS, "train_lgbm") | {"seed": 1, "threads": 1, "estimators": 20, "column_fraction": 0.5}
    return BoostedHead.train(
        *(clips.part(part).stacked() for part in ("train", "val")), build(BoostingSettings, values)
    )


@pytest.fixture(scope="module", params=HEADS_AND_MODES)
def saved(request, weights, waveforms, tmp_path_factory) -> tuple[str, Path, np.ndarray]:
    """A head's name, the folder of its model, and the probabilities by the head itself."""
    head, logs = train(request.param, weights, waveforms)
    folder = tmp_path_factory.mktemp("model") / "encoder"
    save_encoder_model(head, weights, COPIES, folder)
    return request.param, folder, logs.double().mean(dim=0).softmax(dim=1).numpy()


def test_every_head_is_tested():
    assert {name.partition("_")[0] for name in HEADS_AND_MODES} == HEADS.keys()


def test_a_model_predicts_from_waveforms_what_its_head_does(saved, waveforms):
    _, folder, expected = saved
    predicted = load_model(folder).predict(waveforms, [16000] * len(waveforms))
    assert predicted.dtype == np.float64
    np.testing.assert_allclose(predicted, expected, atol=1e-4)
    assert expected.std(axis=0).min() > 1e-4  # clips differ


def test_a_model_needs_nothing_but_its_folder(saved, waveforms, weights, tmp_path):
    _, folder, expected = saved
    moved = shutil.copytree(folder, tmp_path / "elsewhere")
    hidden = weights.rename(weights.with_name("hidden"))
    try:
        predicted = load_model(moved).predict(waveforms[:3], [16000] * 3)
    finally:
        hidden.rename(weights)
    np.testing.assert_allclose(predicted, expected[:3], atol=1e-4)


def test_nothing_is_pickled(saved):
    _, folder, _ = saved
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= {".json", ".pt", ".safetensors", ".txt"}
    for path in files:
        if path.suffix == ".pt":
            torch.load(path, weights_only=True)
            assert globals_of(path) <= {"collections OrderedDict", "torch._utils _rebuild_tensor_v2"} | {
                f"torch {kind}Storage" for kind in ("Float", "Double", "Long", "Int")
            }
        else:
            assert not zipfile.is_zipfile(path)


def globals_of(path: Path) -> set[str]:
    """What the pickle within a file of tensors names."""
    with zipfile.ZipFile(path) as archive:
        [name] = [name for name in archive.namelist() if name.endswith("data.pkl")]
        return {argument for code, argument, _ in pickletools.genops(archive.read(name)) if code.name == "GLOBAL"}


def test_twice_gives_equal_bytes(weights, waveforms, tmp_path):
    head, _ = train("attentive", weights, waveforms)
    for name in ("first", "second"):
        save_encoder_model(head, weights, COPIES, tmp_path / name)
    files = [path.relative_to(tmp_path / "first") for path in (tmp_path / "first").rglob("*") if path.is_file()]
    assert len(files) == 6
    for file in files:
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()


def test_recordings_at_another_rate_and_of_two_channels_get_the_probabilities_of_what_is_heard(saved, waveforms):
    _, folder, expected = saved
    model = load_model(folder)
    quick = resample(waveforms[0], 16000, 48000)
    stereo = torch.stack([1.5 * waveforms[1], 0.5 * waveforms[1]], dim=1)
    both = resample(waveforms[2], 16000, 32000)[:, None].expand(-1, 2)
    predicted = model.predict([quick, stereo.numpy(), both], [48000, 16000, 32000])
    assert predicted.shape == (3, len(EMOTIONS))
    heard = [resample(quick, 48000, 16000), waveforms[1], resample(both[:, 0], 32000, 16000)]
    of_heard = EncoderModel.load(folder).logits(heard).double().softmax(dim=1)
    np.testing.assert_allclose(predicted, of_heard, rtol=0, atol=1e-4)
    np.testing.assert_allclose(predicted[1], expected[1], rtol=0, atol=1e-4)
    np.testing.assert_allclose(predicted.sum(axis=1), 1)
    assert EncoderModel.load(folder).copies == COPIES


@pytest.fixture
def described(weights, waveforms, tmp_path) -> Callable[..., Path]:
    """A function that changes what a folder says of its model."""
    head, _ = train("logistic", weights, waveforms)
    save_encoder_model(head, weights, COPIES, tmp_path / "model")

    def describe(**changes: object) -> Path:
        path = tmp_path / "model/model.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
        return path.parent

    return describe


def test_an_unknown_head_is_named(described):
    with pytest.raises(
        ValueError, match=r"model: its head is 'forest'; known are \['attentive', 'finetuned', 'lgbm', 'logistic'\]"
    ):
        load_model(described(head="forest"))


@pytest.mark.parametrize("key", ["copies", "head", "model", "emotions"])
def test_a_missing_key_is_named(key, described):
    path = described() / "model.json"
    path.write_text(json.dumps({name: value for name, value in json.loads(path.read_text()).items() if name != key}))
    with pytest.raises(ValueError, match=rf"model/model\.json: not the description of a model, lacks \['{key}'\]"):
        load_model(path.parent)


def test_an_impossible_copy_is_named(described):
    copy = dataclasses.asdict(COPIES[0]) | {"ratio": [0, 1]}
    with pytest.raises(ValueError, match=r"model: copies\.ratio is \(0, 1\); allowed: two numbers from 1 to 100"):
        load_model(described(copies=[copy]))


@pytest.mark.parametrize("file", ["head/head.pt", "encoder/config.json", "encoder/model.safetensors"])
def test_a_file_that_is_missing_is_named(file, described):
    folder = described()
    (folder / file).unlink()
    with pytest.raises(OSError, match=Path(file).name.replace(".", r"\.")):
        load_model(folder)


def test_a_head_that_cannot_be_saved_leaves_nothing(weights, waveforms, tmp_path):
    head, _ = train("logistic", weights, waveforms)
    with pytest.raises(ValueError, match=r"config\.json: missing"):
        save_encoder_model(head, tmp_path, COPIES, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []
