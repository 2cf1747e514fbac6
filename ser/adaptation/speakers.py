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
    """How many clips the training speakers count as: for the mean, the deviation and the shares of the emotions.

    With strong shares, any speaker's clips are taken to hold the emotions in the training clips' shares, as plain
    normalisation does.
    """

    mean: float
    deviation: float
    shares: float


@dataclasses.dataclass(frozen=True)
class Speakers:
    """Training speakers, each centred on the mean of all their clips.

    mean: (copies, dim), of the speakers' means; variance: (copies, dim), within a speaker; offsets:
    (emotions, copies, dim), how far the clips of an emotion lie from their speaker's mean; shares: (emotions,).
    """

    mean: np.ndarray
    variance: np.ndarray
    offsets: np.ndarray
    shares: np.ndarray

    @classmethod
    def fit(cls, features: np.ndarray, labels: np.ndarray, speakers: np.ndarray, emotions: int) -> Self:
        """Measure labelled clips; features: (copies, clip, dim), labels and speakers: (clip,)."""
        known, speaker = np.unique(speakers, return_inverse=True)
        means = np.stack([features[:, speaker == index].mean(axis=1) for index in range(len(known))])
        centred = features - means[speaker].swapaxes(0, 1)
        offsets = np.zeros((emotions, *means.shape[1:]))
        for emotion in np.unique(labels):
            offsets[emotion] = centred[:, labels == emotion].mean(axis=1)
        variance = np.square(centred).mean(axis=1, dtype=np.float64)
        return cls(means.mean(axis=0), variance, offsets, np.bincount(labels, minlength=emotions) / len(labels))

    def normaliser(self, voice: Voice, strengths: Strengths) -> Normaliser:
        """Return the normaliser of a speaker, between their own statistics and those of the training speakers.

        The mean is n / (n + strength) of the way to the speaker's (empirical Bayes, Efron & Morris 1975). The variance
        is that of training speakers, times a ratio with as many pseudo-observations as its strength. Where the voice's
        clips hold other shares of the emotions than the training clips, their mean and variance would be other ones for
        that alone; this part, known from the offsets, is taken out first.
        """
        shares = _between(voice.shares, voice.clips, self.shares, strengths.shares)
        shift = np.tensordot(shares, self.offsets, axes=1)
        mean = _between(voice.clips * (voice.mean - shift), voice.clips, self.mean, strengths.mean)
        within = self.variance - np.tensordot(self.shares, np.square(self.offsets), axes=1)
        expected = within + np.tensordot(shares, np.square(self.offsets), axes=1) - np.square(shift)
        freedom = max(voice.clips - 1, 0)
        ratio = _between(voice.squares / np.maximum(expected, LEAST), freedom, 1.0, strengths.deviation)
        return Normaliser(mean, np.sqrt(np.maximum(self.variance * ratio, LEAST)))


def _between(total: np.ndarray, count: float, prior: np.ndarray | float, strength: float) -> np.ndarray:
    """Return the mean of `count` observations, of which this is the total, and of `strength` that equal the prior."""
    if np.isinf(strength) or count + strength == 0:
        return np.broadcast_to(prior, np.shape(total))
    return (total + strength * np.asarray(prior)) / (count + strength)
