"""Clips of different lengths: labelled lists of frames, and batches padded with a mask."""

import dataclasses
import functools
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import torch

from stages.ser.emotions import EMOTION_INDEX
from stages.ser.tensors import load_tensors

BUCKET = 8  # batches among which clips are sorted by length, so that little of a batch is padding


@dataclasses.dataclass(frozen=True)
class RaggedDataset:
    """Clips as a list of (frames, bands) float32 and their labels (clip,), indices into EMOTIONS."""

    clips: list[torch.Tensor]
    labels: torch.Tensor

    @classmethod
    def from_cache(cls, path: Path, table: pd.DataFrame) -> "RaggedDataset":
        """Read the clips of a table (columns clip and emotion), in its order; ValueError names those that lack."""
        cache = load_tensors(path, ("clips", "frames", "lengths"))
        clips = dict(zip(cache["clips"], cache["frames"].split(cache["lengths"].tolist()), strict=True))
        missing = [clip for clip in table["clip"] if clip not in clips]
        if missing:
            raise ValueError(f"{path}: lacks {len(missing)} clips, first {missing[:5]}: run `dvc repro`")
        labels = torch.tensor([EMOTION_INDEX[emotion] for emotion in table["emotion"]])
        return cls([clips[clip] for clip in table["clip"]], labels)

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, rows: torch.Tensor) -> "RaggedDataset":
        """Return some of the clips; rows: (chosen,) indices or (clip,) mask."""
        chosen = rows.nonzero().flatten() if rows.dtype == torch.bool else rows
        return RaggedDataset([self.clips[row] for row in chosen.tolist()], self.labels[chosen])

    @functools.cached_property
    def lengths(self) -> torch.Tensor:
        """(clip,) numbers of frames."""
        return torch.tensor([len(clip) for clip in self.clips])

    @property
    def bands(self) -> int:
        return self.clips[0].shape[1]

    def batch(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (chosen, frames of the longest, bands), zero behind each clip's end, and lengths (chosen,)."""
        clips = [self.clips[row] for row in rows.tolist()]
        return torch.nn.utils.rnn.pad_sequence(clips, batch_first=True), self.lengths[rows]


def bucketed_batches(lengths: torch.Tensor, batch_size: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """Yield the rows of one epoch at random, clips of like length together; a last batch of one is left out."""
    batches = []
    for bucket in torch.randperm(len(lengths), generator=generator).split(BUCKET * batch_size):
        batches += bucket[lengths[bucket].argsort(stable=True)].split(batch_size)
    for index in torch.randperm(len(batches), generator=generator).tolist():
        if len(batches[index]) > 1:
            yield batches[index]
