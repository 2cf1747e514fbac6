"""All clips of the main pipeline, disturbed one by one, and what is made of each."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from ser.corpora.clip_table import read_clips
from ser.encoders.waveforms import SAMPLE_RATE_HZ
from ser.features.audio import load_mono
from ser.features.chunks import each_chunk
from studies.outside.conditions.settings import Disturb

RAW = Path("data/raw")
CLIPS = Path("data/clips.csv")
CHUNK = 4  # clips that a thread takes at a time


def read_table() -> pd.DataFrame:
    """Return the clips and their paths."""
    return read_clips(CLIPS, "clip", "path")


def each_disturbed(
    clips: pd.DataFrame, disturb: Disturb, make: Callable[[torch.Tensor], torch.Tensor]
) -> Iterator[torch.Tensor]:
    """Yield what `make` makes of each disturbed clip, (time,) float32 at 16 kHz; ValueError names one that fails."""

    def made(clip: str, path: str) -> torch.Tensor:
        waveform = disturb(clip, load_mono(RAW / path, SAMPLE_RATE_HZ).numpy())
        try:
            return make(torch.from_numpy(np.ascontiguousarray(waveform)))
        except ValueError as error:
            raise ValueError(f"{RAW / path}: {error}") from error

    def work(chunk: Sequence[tuple[str, str]]) -> list[torch.Tensor]:
        return [made(*row) for row in chunk]

    for chunk in each_chunk(work, list(zip(clips["clip"], clips["path"], strict=True)), CHUNK):
        yield from chunk
