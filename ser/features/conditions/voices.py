"""Clips of other voices, of which babble is made: several that speak at once."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ser.features.conditions.levels import STRETCH, WITHIN_DB
from ser.storage.tensors import load_tensors, save_tensors

SCALE = 32767  # of 16 bits


@dataclasses.dataclass(frozen=True)
class Voices:
    """Clips (time,) float32 at 16 kHz, each of a power of 1 and without silent ends."""

    clips: Sequence[np.ndarray]

    def babble(self, samples: int, speakers: int, rng: np.random.Generator) -> np.ndarray:
        """Return (samples,) float64: so many streams of clips drawn at random, each begun within a clip."""
        streams = np.zeros((speakers, samples))
        for stream in streams:
            drawn = self._draw(rng)
            position = -int(rng.integers(len(drawn)))
            while position < samples:
                piece = drawn[max(0, -position) : samples - position]
                stream[max(0, position) : max(0, position) + len(piece)] = piece
                position += len(drawn)
                drawn = self._draw(rng)
        return streams.sum(axis=0)

    def _draw(self, rng: np.random.Generator) -> np.ndarray:
        return self.clips[int(rng.integers(len(self.clips)))]


def to_voice(waveform: np.ndarray) -> np.ndarray:
    """Cut silent ends off (time,) and bring the rest to a power of 1."""
    whole = waveform[: len(waveform) // STRETCH * STRETCH].reshape(-1, STRETCH)
    powers = np.square(whole.astype(np.float64)).mean(axis=1)
    loud = np.flatnonzero(powers >= powers.max() * 10 ** (-WITHIN_DB / 10))
    speech = whole[loud[0] : loud[-1] + 1].ravel()
    return (speech / np.sqrt(np.mean(np.square(speech.astype(np.float64))))).astype(np.float32)


def save_voices(waveforms: Sequence[np.ndarray], path: Path) -> None:
    """Write waveforms (time,) in [-1, 1] as 16 bits, their peaks at full scale."""
    scaled = [np.round(waveform * (SCALE / np.abs(waveform).max())).astype(np.int16) for waveform in waveforms]
    lengths = torch.tensor([len(waveform) for waveform in scaled])
    save_tensors({"lengths": lengths, "samples": torch.from_numpy(np.concatenate(scaled))}, path)


def load_voices(path: Path) -> Voices:
    """Read them; ValueError names a file that is damaged."""
    content = load_tensors(path, ("lengths", "samples"))
    return Voices([to_voice(clip.numpy()) for clip in content["samples"].split(content["lengths"].tolist())])
