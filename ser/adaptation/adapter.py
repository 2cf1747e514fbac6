"""Adaptation of any model by its own log-probabilities, which a few dozen numbers describe."""

import dataclasses
from typing import Any, Self

import numpy as np

from ser.adaptation.heads import LinearHead, log_softmax
from ser.adaptation.speakers import Speakers, Strengths
from ser.adaptation.voice import Voice


def log_ratios(logs: np.ndarray) -> np.ndarray:
    """Return log-probabilities (clip, emotions) less the clip's mean, (1, clip, emotions): features of one copy.

    Centred log-ratios (Aitchison 1982): they have no bound and no sum, so that they can be moved.
    """
    return (logs - logs.mean(axis=1, keepdims=True))[None]


def head_of(speakers: Speakers) -> LinearHead:
    """Return the head that takes normalised log-ratios back to the training speakers' scale, all emotions alike."""
    return LinearHead(np.diag(np.sqrt(speakers.variance[0])), np.zeros(speakers.mean.shape[1]))


@dataclasses.dataclass(frozen=True)
class Adapter:
    """What a released model says of its adaptation.

    speakers: of log-ratios; counts: (numbers,), rising from 0; strengths: by number of clips; weights: (numbers, 2), of
    the log-probabilities before and after adaptation. Between two numbers, strengths are those of the smaller one that
    is not 0, and weights lie between.
    """

    speakers: Speakers
    counts: np.ndarray
    strengths: tuple[Strengths, ...]
    weights: np.ndarray

    @classmethod
    def read(cls, content: dict[str, Any]) -> Self:
        """Return an adapter from the lists and numbers that `written` gave; ValueError says what they lack."""
        try:
            speakers = Speakers(**{name: np.array(values) for name, values in content["speakers"].items()})
            strengths = tuple(Strengths(**values) for values in content["strengths"])
            return cls(speakers, np.array(content["counts"]), strengths, np.array(content["weights"]))
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"what the model says of its adaptation cannot be used ({error!r})") from error

    def written(self) -> dict[str, Any]:
        """Return it as lists and numbers, for JSON."""
        return {
            "counts": self.counts.tolist(),
            "speakers": {name: values.tolist() for name, values in vars(self.speakers).items()},
            "strengths": [dataclasses.asdict(strengths) for strengths in self.strengths],
            "weights": self.weights.tolist(),
        }

    def hear(self, logs: np.ndarray, clips: np.ndarray) -> Voice:
        """Return the voice of unadapted log-probabilities (row, emotions).

        clips: (row,), as how many clips each row counts.
        """
        return Voice.of(log_ratios(logs), clips)

    def answer(self, logs: np.ndarray, voice: Voice) -> np.ndarray:
        """Return adapted log-probabilities (row, emotions) of unadapted ones."""
        at = int(np.searchsorted(self.counts, voice.clips, side="right")) - 1
        normaliser = self.speakers.normaliser(voice, self.strengths[max(at, 1)])
        adapted = head_of(self.speakers).logs(log_ratios(logs), normaliser)
        counts = np.log1p(self.counts)
        before, after = (np.interp(np.log1p(voice.clips), counts, column) for column in self.weights.T)
        return log_softmax(before * logs + after * adapted)
