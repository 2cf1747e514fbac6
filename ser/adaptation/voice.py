"""What is kept of one speaker's unlabelled clips: sums, to which further clips can be added."""

import dataclasses
from typing import Self

import numpy as np


@dataclasses.dataclass(frozen=True)
class Voice:
    """The unlabelled clips of one speaker.

    clips: how many, parts of one included; mean and squares: (copies, dim), the mean of their features, and the sum of
    squared deviations from it.
    """

    clips: float
    mean: np.ndarray
    squares: np.ndarray

    @classmethod
    def unheard(cls, copies: int, dim: int) -> Self:
        """Return a voice of which there is no clip yet."""
        return cls(0.0, np.zeros((copies, dim)), np.zeros((copies, dim)))

    @classmethod
    def of(cls, features: np.ndarray, clips: np.ndarray | None = None) -> Self:
        """Sum up features (copies, clip, dim), and clips (clip,), as how many clips each counts: 1 if left out."""
        counts = np.ones(features.shape[1]) if clips is None else clips
        if not counts.sum():
            return cls.unheard(features.shape[0], features.shape[2])
        mean = np.einsum("n,cnd->cd", counts / counts.sum(), features)
        squares = np.einsum("n,cnd->cd", counts, np.square(features - mean[:, None]))
        return cls(float(counts.sum()), mean, squares)

    def joined(self, other: Self) -> Self:
        """Return the clips of both (Chan, Golub & LeVeque 1979, "Updating formulae for computing sample variances")."""
        clips = self.clips + other.clips
        part, apart = other.clips / clips if clips else 0.0, other.mean - self.mean
        squares = self.squares + other.squares + np.square(apart) * (self.clips * part)
        return type(self)(clips, self.mean + apart * part, squares)
