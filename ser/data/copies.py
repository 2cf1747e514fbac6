"""Clips of different lengths, in several copies: batches of them, padded to the longest."""

import dataclasses
import functools
from pathlib import Path

import pandas as pd
import torch
from torch.nn.utils.rnn import pad_sequence

from ser.data.tables import labels_of, rows_of
from ser.storage.tensors import load_tensors


@dataclasses.dataclass(frozen=True)
class CopiedClips:
    """For each copy a list of clips (frames, …) in any precision, and the clips' labels (clip,)."""

    copies: list[list[torch.Tensor]]
    labels: torch.Tensor

    @classmethod
    def read(cls, paths: list[Path], clips: pd.DataFrame) -> "CopiedClips":
        """Read one file a copy, in the clips' order (columns clip and emotion); ValueError lists the missing clips."""
        copies = []
        for path in paths:
            content = load_tensors(path, ("clips", "frames", "lengths"))
            pieces = content["frames"].split(content["lengths"].tolist())
            copies.append([pieces[row] for row in rows_of(clips["clip"], content["clips"], path)])
        return cls(copies, labels_of(clips))

    def part(self, chosen: torch.Tensor) -> "CopiedClips":
        """Return the clips where a mask (clip,) is True."""
        rows = chosen.nonzero().flatten()
        return CopiedClips([[copy[row] for row in rows.tolist()] for copy in self.copies], self.labels[rows])

    @functools.cached_property
    def lengths(self) -> torch.Tensor:
        """(copy, clip) numbers of frames."""
        return torch.tensor([[len(clip) for clip in copy] for copy in self.copies])

    def batch(self, copies: torch.Tensor, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (chosen, frames of the longest, …) float32, zero behind each clip's end, and lengths (chosen,).

        copies, rows: (chosen,), which copy of which clip.
        """
        clips = [self.copies[copy][row] for copy, row in zip(copies.tolist(), rows.tolist(), strict=True)]
        return pad_sequence(clips, batch_first=True).float(), self.lengths[copies, rows]

    def draw(self, rows: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Return a batch of these clips, of each a copy drawn at random."""
        return self.batch(torch.randint(len(self.copies), (len(rows),), generator=generator), rows)
