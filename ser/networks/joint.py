"""One representation of several branches, any of which may be missing, and the emotions on it."""

import dataclasses

import torch
from torch import nn

from ser.arithmetic.square_root import square_root
from ser.networks.blocks import check_fraction
from ser.storage.params import check


@dataclasses.dataclass(frozen=True)
class JointConfig:
    """width: numbers of each branch in the joint representation; branch_dropout: how often training hides a branch."""

    width: int
    dropout: float
    branch_dropout: float

    def __post_init__(self) -> None:
        check(self.width >= 1, "width", self.width, "1 or more")
        check_fraction("dropout", self.dropout)
        check_fraction("branch_dropout", self.branch_dropout)


class JointHead(nn.Module):
    """(clip, 1, all numbers) float32, branches side by side, NaN where one is missing → logits (clip, emotions).

    Each branch is standardised by the training clips that have it, projected, and set to zero where it is missing;
    those that are there grow by the share that is missing. In training, branches are hidden at random, though never all
    that a clip has (modality dropout, Neverova et al. 2016).
    """

    def __init__(self, config: JointConfig, widths: list[int], emotions: int) -> None:
        super().__init__()
        self.config, self.widths = config, widths
        self.register_buffer("mean", torch.zeros(sum(widths)))
        self.register_buffer("sd", torch.ones(sum(widths)))
        self.dropout = nn.Dropout(config.dropout)
        self.projections = nn.ModuleList(nn.Linear(width, config.width) for width in widths)
        self.head = nn.Linear(config.width * len(widths), emotions)

    def fit(self, numbers: torch.Tensor) -> None:
        """Measure mean and standard deviation of each number, (clip, all numbers), where it is there."""
        there = ~numbers.isnan()
        count = there.sum(dim=0).clamp_min(1)
        self.mean.copy_(numbers.nan_to_num().sum(dim=0) / count)
        variance = ((numbers - self.mean).nan_to_num().square()).sum(dim=0) / count
        # One whose training clips are all equal says nothing, and must not blow up what differs later
        self.sd.copy_(torch.where(variance > 1e-10, square_root(variance), torch.inf))

    def forward(self, numbers: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        parts = ((numbers[:, 0] - self.mean) / self.sd).split(self.widths, dim=1)
        # A branch that no training clip had says nothing either
        known = torch.stack([sd.isfinite().any() for sd in self.sd.split(self.widths)])
        there = torch.stack([~part[:, 0].isnan() for part in parts], dim=1) & known
        if self.training:
            there = hide(there, self.config.branch_dropout)
        grown = there * (there.shape[1] / there.sum(dim=1, keepdim=True).clamp_min(1))
        projected = [
            project(self.dropout(part.nan_to_num())) * grown[:, [index]]
            for index, (project, part) in enumerate(zip(self.projections, parts, strict=True))
        ]
        return self.head(self.dropout(nn.functional.gelu(torch.cat(projected, dim=1))))


def hide(there: torch.Tensor, share: float) -> torch.Tensor:
    """Return which branches (clip, branches) are left when each is hidden with this probability; none: as before."""
    kept = there & (torch.rand(there.shape, device=there.device) >= share)
    return torch.where(kept.any(dim=1, keepdim=True), kept, there)
