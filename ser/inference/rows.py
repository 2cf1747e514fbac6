"""What is found in a recording: rows of a timeline, or a problem."""

import dataclasses

import numpy as np

from ser.corpora.emotions import EMOTIONS

UNCERTAIN, NO_SPEECH = "uncertain", "no speech"
LABELS = (*EMOTIONS, UNCERTAIN, NO_SPEECH)


class RecordingError(ValueError):
    """A recording that cannot be heard: the reason, and what to do about it."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason}. {remedy}")
        self.reason, self.remedy = reason, remedy


@dataclasses.dataclass(frozen=True)
class Row:
    """A part of one channel (None: the mean of all), with log-probabilities (emotions,), or None: no speech there."""

    begin_s: float
    end_s: float
    channel: int | None = None
    log_probabilities: np.ndarray | None = None
    embedding: np.ndarray | None = None

    @property
    def emotion(self) -> str | None:
        """The most likely emotion."""
        return None if self.log_probabilities is None else EMOTIONS[int(self.log_probabilities.argmax())]

    @property
    def confidence(self) -> float | None:
        """The probability of the most likely emotion."""
        return None if self.log_probabilities is None else float(np.exp(self.log_probabilities.max()))

    @property
    def probabilities(self) -> dict[str, float] | None:
        """The probability of each emotion, to six decimals."""
        if self.log_probabilities is None:
            return None
        values = np.exp(self.log_probabilities.astype(np.float64))
        return {emotion: round(float(value), 6) for emotion, value in zip(EMOTIONS, values, strict=True)}

    def label(self, min_confidence: float) -> str:
        """Return the emotion, "uncertain" if its probability is below `min_confidence`, or "no speech"."""
        if self.emotion is None or self.confidence is None:
            return NO_SPEECH
        return self.emotion if self.confidence >= min_confidence else UNCERTAIN


@dataclasses.dataclass(frozen=True)
class Heard:
    """A recording with its rows: by channel, then by time. Envelope: (bins, 2), lowest and highest sample of each."""

    name: str
    duration_s: float
    sample_rate_hz: int
    channels: int
    rows: list[Row]
    envelope: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class Problem:
    """A recording that was not heard."""

    name: str
    reason: str
    remedy: str
