"""Clips of their own lengths with disturbed copies: each time a clip is drawn, one of its copies is taken."""

import dataclasses
from collections.abc import Sequence

import torch
from torch.nn.utils.rnn import pad_sequence

from ser.data.own_length import OwnLengthClips
from ser.storage.params import check


@dataclasses.dataclass(frozen=True)
class DrawnCopies:
    """Clips as they are, disturbed copies of the same clips in the same order, and how often the former are taken."""

    clean: OwnLengthClips
    disturbed: Sequence[OwnLengthClips]
    clean_share: float

    def __post_init__(self) -> None:
        check(0 <= self.clean_share <= 1, "clean_share", self.clean_share, "0 to 1")
        wrong = [len(copy) for copy in self.disturbed if not torch.equal(copy.labels, self.clean.labels)]
        if wrong or not self.disturbed:
            raise ValueError(f"expected copies of {len(self.clean)} clips with their labels, found {wrong}")

    def __getitem__(self, rows: torch.Tensor) -> "DrawnCopies":
        """Return some of the clips, with their copies; rows: (chosen,) indices or (clip,) mask."""
        return DrawnCopies(self.clean[rows], [copy[rows] for copy in self.disturbed], self.clean_share)

    @property
    def all(self) -> list[OwnLengthClips]:
        return [self.clean, *self.disturbed]

    def draw(self, rows: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Return a batch as `OwnLengthClips.batch`: of each row a copy drawn at random."""
        disturbed = torch.randint(1, len(self.disturbed) + 1, (len(rows),), generator=generator)
        clean = torch.rand(len(rows), generator=generator) < self.clean_share
        chosen = torch.where(clean, 0, disturbed)
        clips = [self.all[copy].clips[row] for copy, row in zip(chosen.tolist(), rows.tolist(), strict=True)]
        return pad_sequence(clips, batch_first=True), torch.tensor([len(clip) for clip in clips])
