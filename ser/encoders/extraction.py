"""Encode many clips at one speed."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from ser.encoders.waveforms import SAMPLE_RATE_HZ, change_speed, trim_silence
from ser.features.audio import load_mono
from ser.features.chunks import each_chunk
from ser.storage.params import check

CHUNK = 4  # clips that a thread takes at a time

Encode = Callable[[torch.Tensor], torch.Tensor]


@dataclasses.dataclass(frozen=True)
class Copy:
    """How a copy of a clip is made: silence cut off at both ends, played slower or faster.

    ratio: samples that are made of so many samples; more samples are slower and lower.
    """

    trim_db: float
    ratio: tuple[int, ...]

    def __post_init__(self) -> None:
        check(self.trim_db > 0, "trim_db", self.trim_db, "more than 0 dB")
        fits = len(self.ratio) == 2 and all(1 <= part <= 100 for part in self.ratio)
        check(fits, "ratio", self.ratio, "two numbers from 1 to 100")

    def __call__(self, waveform: torch.Tensor) -> torch.Tensor:
        """Return the copy of a waveform, (time,) float32 at 16 kHz."""
        return change_speed(trim_silence(waveform, self.trim_db), self.ratio)


def each_clip(paths: list[Path], encode: Encode, copy: Copy) -> Iterator[torch.Tensor]:
    """Yield the encoded copy of each clip; ValueError names a clip that cannot be encoded."""

    def states(path: Path) -> torch.Tensor:
        waveform = copy(load_mono(path, SAMPLE_RATE_HZ))
        try:
            return encode(waveform)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    for chunk in each_chunk(lambda chunk: [states(path) for path in chunk], paths, CHUNK):
        yield from chunk


def pool(states: torch.Tensor) -> torch.Tensor:
    """Return mean and standard deviation over time, (layers, 2, width), of hidden states (layers, frames, width)."""
    return torch.stack([states.mean(dim=1), states.std(dim=1, correction=0)], dim=1)


def to_half_precision(states: torch.Tensor) -> torch.Tensor:
    """Return hidden states (layers, frames, width) as (frames, layers, width) float16; ValueError if they overflow."""
    halves = states.transpose(0, 1).half()
    if not halves.isfinite().all():
        raise ValueError(f"hidden states reach {states.abs().max():.0f}, more than float16 holds (65504)")
    return halves


def join_clips(clips: list[torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return clips (frames, …) of different lengths one behind the other, and their lengths."""
    return {"frames": torch.cat(clips), "lengths": torch.tensor([len(clip) for clip in clips])}
