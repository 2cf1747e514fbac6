"""The training speakers' statistics, towards which those of a speaker with few clips are shrunk."""

import dataclasses
from typing import Self

import numpy as np

from ser.adaptation.voice import Voice

LEAST = 1e-12  # of a variance, for a feature that is the same in all clips


@dataclasses.dataclass(frozen=True)
class Normaliser:
    """What is subtracted from features and what they are divided by: both (copies, dim)."""

    mean: np.ndarray
    deviation: np.ndarray

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Normalise features (copies, clip, dim)."""
        return (features - self.mean[:, None]) / self.deviation[:, None]


@dataclasses.dataclass(frozen=True)
class Strengths:
    """How many clips the training speakers count as: for a speaker's mean, and for their deviation."""

    mean: float
    deviation: float


@dataclasses.dataclass(frozen=True)
class Speakers:
    """Training speakers: the mean of their means, and the mean variance within a speaker; both (copies, dim)."""

    mean: np.ndarray
    variance: np.ndarray

    @classmethod
    def fit(cls, features: np.ndarray, speakers: np.ndarray) -> Self:
        """Measure features (copies, clip, dim) of speakers (clip,)."""
        known, speaker = np.unique(speakers, return_inverse=True)
        means = np.stack([features[:, speaker == index].mean(axis=1) for index in range(len(known))])
        centred = features - means[speaker].swapaxes(0, 1)
        return cls(means.mean(axis=0), np.square(centred).mean(axis=1, dtype=np.float64))

    def normaliser(self, voice: Voice, strengths: Strengths) -> Normaliser:
        """Return the normaliser of a speaker, between their own statistics and those of the training speakers.

        The mean is n / (n + strength) of the way to the speaker's (empirical Bayes, Efron & Morris 1975). So is the
        variance, with n - 1 for n.
        """
        mean = _between(voice.clips * voice.mean, voice.clips, self.mean, strengths.mean)
        variance = _between(voice.squares, max(voice.clips - 1, 0), self.variance, strengths.deviation)
        return Normaliser(mean, np.sqrt(np.maximum(variance, LEAST)))


def _between(total: np.ndarray, count: float, prior: np.ndarray, strength: float) -> np.ndarray:
    """Return the mean of `count` observations, of which this is the total, and of `strength` that equal the prior."""
    return (total + strength * prior) / (count + strength) if count + strength else prior
