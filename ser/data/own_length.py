"""Clips of different lengths: labelled lists of frames, and batches padded with a mask."""

import dataclasses
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch.nn.utils.rnn import pad_sequence

from ser.data.tables import labels_of, rows_of
from ser.storage.tensors import load_tensors

BUCKET = 8  # batches among which clips are sorted by length, so that little of a batch is padding


@dataclasses.dataclass(frozen=True)
class OwnLengthClips:
    """Clips as a list of (frames, bands) float32 and their labels (clip,), indices into EMOTIONS.

    front_end: the settings that they were computed with, where the file of features says so.
    """

    clips: list[torch.Tensor]
    labels: torch.Tensor
    front_end: dict[str, Any] | None = None

    @classmethod
    def from_cache(cls, path: Path, table: pd.DataFrame) -> "OwnLengthClips":
        """Read the clips of a table (columns clip and emotion), in its order; ValueError lists the missing clips."""
        cache = load_tensors(path, ("clips", "frames", "lengths"))
        clips = cache["frames"].split(cache["lengths"].tolist())
        rows = rows_of(table["clip"], cache["clips"], path)
        return cls([clips[row] for row in rows], labels_of(table), cache.get("front_end"))

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, rows: torch.Tensor) -> "OwnLengthClips":
        """Return some of the clips; rows: (chosen,) indices or (clip,) mask."""
        chosen = rows.nonzero().flatten() if rows.dtype == torch.bool else rows
        return OwnLengthClips([self.clips[row] for row in chosen.tolist()], self.labels[chosen], self.front_end)

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
        return pad_sequence(clips, batch_first=True), self.lengths[rows]


def bucketed_batches(lengths: torch.Tensor, batch_size: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """Yield the rows of one epoch at random, clips of like length together; a last batch of one is left out."""
    batches = []
    for bucket in torch.randperm(len(lengths), generator=generator).split(BUCKET * batch_size):
        batches += bucket[lengths[bucket].argsort(stable=True)].split(batch_size)
    for index in torch.randperm(len(batches), generator=generator).tolist():
        if len(batches[index]) > 1:
            yield batches[index]
