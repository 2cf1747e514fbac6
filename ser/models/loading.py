"""Any model from its folder, and the one way in which a recording becomes probabilities.

>>> model = load_model(Path("models/compact"))
>>> model.predict([waveform], [48_000])  # (1, 8) float64, in the order of ser.corpora.emotions.EMOTIONS
"""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from ser.data.own_length import OwnLengthClips
from ser.features.audio import mix_down
from ser.features.fixed_mel import FixedMel
from ser.features.fixed_mfcc import FixedMfcc
from ser.features.own_length_mel import OwnLengthMel
from ser.models.cnn import CNN
from ser.models.compact import Compact
from ser.models.extractor import Extractor
from ser.models.fixed_length import FixedLengthModel
from ser.models.hybrid import EXTRACTOR, Hybrid
from ser.models.lstm import LSTM
from ser.models.store import read_description
from ser.storage.params import build

Waveform = np.ndarray | torch.Tensor


class Recogniser(NamedTuple):
    """A model with its front end: recordings → probabilities."""

    sample_rate_hz: int
    probabilities: Callable[[list[torch.Tensor]], np.ndarray]  # of waveforms (time,) float32 at that rate

    @torch.inference_mode()
    def predict(self, waveforms: Sequence[Waveform], rates_hz: Sequence[int]) -> np.ndarray:
        """Return float64 probabilities (clip, emotions), in the order of EMOTIONS.

        waveforms: each (time,) or (time, channels) in [-1, 1], at a rate of its own.
        """
        pairs = zip(waveforms, rates_hz, strict=True)
        return self.probabilities([mix_down(waveform, rate_hz, self.sample_rate_hz) for waveform, rate_hz in pairs])


def load_model(folder: Path) -> Recogniser:
    """Return the model that a folder holds; ValueError names what is unknown or does not fit.

    The folder is one that a stage of the pipeline writes, `models/<name>`, or that `save_encoder_model` does.
    """
    name = read_description(folder)["model"]
    if name not in LOADERS:
        raise ValueError(f"{folder}: holds the model {name!r}; known are {sorted(LOADERS)}")
    return LOADERS[name](folder)


def _load_fixed_length(kind: type[FixedLengthModel], front_end_kind: type[FixedMel], folder: Path) -> Recogniser:
    model = kind.load(folder)
    front_end = build(front_end_kind, model.front_end, "front_end", str(folder))
    return Recogniser(front_end.sample_rate_hz, lambda heard: model.probabilities(front_end(heard)))


def _load_hybrid(folder: Path) -> Recogniser:
    trees, extractor = Hybrid.load(folder), Extractor.load(folder / EXTRACTOR)
    front_end = build(FixedMel, extractor.front_end, "front_end", str(folder / EXTRACTOR))
    return Recogniser(front_end.sample_rate_hz, lambda heard: trees.probabilities(extractor.embed(front_end(heard))))


def _load_compact(folder: Path) -> Recogniser:
    model = Compact.load(folder)
    front_end = build(OwnLengthMel, model.front_end, "front_end", str(folder))

    def probabilities(waveforms: list[torch.Tensor]) -> np.ndarray:
        clips = front_end(waveforms)
        return model.probabilities(OwnLengthClips(clips, torch.zeros(len(clips), dtype=torch.long)))

    return Recogniser(front_end.sample_rate_hz, probabilities)


def _load_encoder(folder: Path) -> Recogniser:
    from ser.models.encoder import EncoderModel  # transformers takes seconds to import, and only this one needs it

    model = EncoderModel.load(folder)
    return Recogniser(model.sample_rate_hz, lambda heard: model.logits(heard).double().softmax(dim=1).numpy())


LOADERS: dict[str, Callable[[Path], Recogniser]] = {
    "cnn": functools.partial(_load_fixed_length, CNN, FixedMel),
    "lstm": functools.partial(_load_fixed_length, LSTM, FixedMfcc),
    "extractor": functools.partial(_load_fixed_length, Extractor, FixedMel),
    "hybrid": _load_hybrid,
    "compact": _load_compact,
    "encoder": _load_encoder,
}
