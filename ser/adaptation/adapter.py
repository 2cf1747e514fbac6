"""What a released model needs to adapt to a speaker: a few hundred numbers, written as JSON."""

import dataclasses
from typing import Any, Self

import numpy as np

from ser.adaptation.heads import LinearHead, log_softmax
from ser.adaptation.settling import settle
from ser.adaptation.speakers import Normaliser, Speakers, Strengths
from ser.adaptation.voice import Voice


@dataclasses.dataclass(frozen=True)
class Adapter:
    """Adapts by the logits of a head that was trained on centred speakers.

    A linear head's logits of centred features are its logits of the features, centred, but for its bias. So a voice is
    the mean of a few logits, and no features are kept.

    bias: (emotions,), of the head; speakers: of its logits without it, (copies, emotions); counts: (numbers,), rising
    from 0; weights: (numbers, 2), of the model's log-probabilities before and after adaptation, by number of clips.
    """

    bias: np.ndarray
    speakers: Speakers
    strengths: Strengths
    counts: np.ndarray
    weights: np.ndarray

    @classmethod
    def read(cls, content: dict[str, Any]) -> Self:
        """Return an adapter that `written` gave."""
        speakers = {name: np.array(values) for name, values in content["speakers"].items()}
        strengths, counts = Strengths(**content["strengths"]), np.array(content["counts"])
        return cls(np.array(content["bias"]), Speakers(**speakers), strengths, counts, np.array(content["weights"]))

    def written(self) -> dict[str, Any]:
        """Return it as lists and numbers, for JSON."""
        speakers = {name: values.tolist() for name, values in vars(self.speakers).items()}
        strengths = dataclasses.asdict(self.strengths)
        arrays = {name: getattr(self, name).tolist() for name in ("bias", "counts", "weights")}
        return arrays | {"speakers": speakers, "strengths": strengths}

    @property
    def unheard(self) -> Voice:
        """A voice without clips."""
        return Voice.unheard(*self.speakers.mean.shape, len(self.speakers.shares))

    def listen(self, voice: Voice, plain: np.ndarray, logits: np.ndarray, clips: np.ndarray) -> Voice:
        """Add what was heard of a speaker to their voice.

        Args:
            plain: log-probabilities (row, emotions) before adaptation.
            logits: (copies, row, emotions), of the head that was trained on centred speakers, without its bias.
            clips: (row,), as how many clips each row counts.
        """
        return settle(
            voice,
            logits,
            np.exp(plain),
            self.speakers,
            self.strengths,
            lambda normaliser: self._adapted(logits, normaliser),
            clips,
        )

    def answer(self, voice: Voice, plain: np.ndarray, logits: np.ndarray) -> np.ndarray:
        """Return log-probabilities (row, emotions) of rows as in `listen`, by what is known of the voice."""
        adapted = self._adapted(logits, self.speakers.normaliser(voice, self.strengths))
        at = np.log1p(voice.clips)
        before, after = (np.interp(at, np.log1p(self.counts), column) for column in self.weights.T)
        return log_softmax(before * plain + after * adapted)

    def _adapted(self, logits: np.ndarray, normaliser: Normaliser) -> np.ndarray:
        centred = dataclasses.replace(normaliser, deviation=np.ones_like(normaliser.mean))
        return LinearHead(np.eye(len(self.bias)), self.bias).logs(logits, centred)
