"""What several branches say of the same clips, side by side; a branch may be missing for a clip."""

import dataclasses

import numpy as np
import torch


@dataclasses.dataclass(frozen=True)
class BranchClips:
    """Numbers of each branch by its name, (copy, clip, numbers) float32 with the same copies, and labels (clip,).

    All numbers of a clip are NaN where the branch is missing for it.
    """

    branches: dict[str, torch.Tensor]
    labels: torch.Tensor

    @property
    def widths(self) -> dict[str, int]:
        """How many numbers each branch has."""
        return {name: branch.shape[2] for name, branch in self.branches.items()}

    def part(self, chosen: np.ndarray) -> "BranchClips":
        """Return the clips where a mask (clip,) is True."""
        rows = torch.from_numpy(np.flatnonzero(chosen))
        return BranchClips({name: branch[:, rows] for name, branch in self.branches.items()}, self.labels[rows])

    def without(self, name: str) -> "BranchClips":
        """Return the clips as if a branch were missing for all of them."""
        return BranchClips(self.branches | {name: torch.full_like(self.branches[name], torch.nan)}, self.labels)

    def joined(self, copy: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Return (chosen, all numbers) of these copies of these clips, both (chosen,), the branches side by side."""
        return torch.cat([branch[copy, rows] for branch in self.branches.values()], dim=1)


def copied(features: torch.Tensor, copies: int) -> torch.Tensor:
    """Return features (clip, numbers) that are the same for every copy, as (copy, clip, numbers)."""
    return features.float().expand(copies, *features.shape)
