"""What is kept of one speaker's unlabelled clips: sums, to which further clips can be added."""

import dataclasses
from typing import Self

import numpy as np


@dataclasses.dataclass(frozen=True)
class Voice:
    """The unlabelled clips of one speaker.

    clips: how many, parts of one included; mean and squares: (copies, dim), the mean of their features, and the sum of
    squared deviations from it; shares: (emotions,), the sum of their probabilities.
    """

    clips: float
    mean: np.ndarray
    squares: np.ndarray
    shares: np.ndarray

    @classmethod
    def unheard(cls, copies: int, dim: int, emotions: int) -> Self:
        """Return a voice of which there is no clip yet."""
        return cls(0, np.zeros((copies, dim)), np.zeros((copies, dim)), np.zeros(emotions))

    @classmethod
    def of(cls, features: np.ndarray, probabilities: np.ndarray, clips: np.ndarray | None = None) -> Self:
        """Sum up clips; features: (copies, clip, dim), probabilities: (clip, emotions), clips: (clip,), 1 if left out.

        A part of a clip, such as a window that overlaps others, counts as less than 1.
        """
        counts = np.ones(features.shape[1]) if clips is None else clips
        total = counts.sum()
        mean = np.einsum("n,cnd->cd", counts / total, features)
        squares = np.einsum("n,cnd->cd", counts, np.square(features - mean[:, None]))
        return cls(float(total), mean, squares, counts @ probabilities)

    def joined(self, other: Self) -> Self:
        """Return the clips of both (Chan, Golub & LeVeque 1979, "Updating formulae for computing sample variances")."""
        clips = self.clips + other.clips
        part, apart = other.clips / max(clips, 1), other.mean - self.mean
        squares = self.squares + other.squares + np.square(apart) * (self.clips * part)
        return type(self)(clips, self.mean + apart * part, squares, self.shares + other.shares)
