"""What is kept of one speaker's unlabelled clips: sums, to which further clips can be added."""

import dataclasses
from typing import Self

import numpy as np


@dataclasses.dataclass(frozen=True)
class Voice:
    """The unlabelled clips of one speaker.

    clips: how many; mean and squares: (copies, dim), the mean of their features, and the sum of squared deviations from
    it; shares: (emotions,), the sum of their probabilities.
    """

    clips: int
    mean: np.ndarray
    squares: np.ndarray
    shares: np.ndarray

    @classmethod
    def unheard(cls, copies: int, dim: int, emotions: int) -> Self:
        """Return a voice of which there is no clip yet."""
        return cls(0, np.zeros((copies, dim)), np.zeros((copies, dim)), np.zeros(emotions))

    @classmethod
    def of(cls, features: np.ndarray, probabilities: np.ndarray) -> Self:
        """Sum up one or more clips; features: (copies, clip, dim), probabilities: (clip, emotions)."""
        mean = features.mean(axis=1, dtype=np.float64)
        squares = np.square(features - mean[:, None]).sum(axis=1, dtype=np.float64)
        return cls(features.shape[1], mean, squares, probabilities.sum(axis=0))

    def joined(self, other: Self) -> Self:
        """Return the clips of both (Chan, Golub & LeVeque 1979, "Updating formulae for computing sample variances")."""
        clips = self.clips + other.clips
        part, apart = other.clips / max(clips, 1), other.mean - self.mean
        squares = self.squares + other.squares + np.square(apart) * (self.clips * part)
        return type(self)(clips, self.mean + apart * part, squares, self.shares + other.shares)
