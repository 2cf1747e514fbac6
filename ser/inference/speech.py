"""Where somebody speaks: stretches of speech from the probabilities of a detector."""

import collections
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from ser.inference.detector import FRAME, SpeechDetector

BEGINS, GOES_ON = 0.5, 0.35  # probabilities, Silero's own defaults
PAUSE_FRAMES = 16  # half a second without speech ends a stretch
SHORTEST_FRAMES = 8  # a quarter of a second
LONGEST_FRAMES = 938  # 30 s: a longer stretch is cut at its most silent frame after 20 s, for the memory's sake
MARGIN_FRAMES = 6  # 0.2 s around a stretch, for soft beginnings and ends


class Stretch(NamedTuple):
    """A stretch of speech: where it begins and ends, in samples, and its sound."""

    begin: int
    end: int
    waveform: np.ndarray


class StretchFinder:
    """The stretches of speech in one recording at 16 kHz, which comes in blocks."""

    def __init__(self) -> None:
        self._detector, self._finder, self._kept = SpeechDetector(), _Finder(), _Kept()

    def push(self, block: np.ndarray) -> list[Stretch]:
        """Take (time,) float32 and return the stretches that have ended."""
        self._kept.push(block)
        found = self._cut(self._finder.push(self._detector.push(block)))
        self._kept.forget(self._finder.needed * FRAME)
        return found

    def finish(self) -> list[Stretch]:
        """Return what is left at the end of the recording."""
        return self._cut(self._finder.push(self._detector.finish())) + self._cut(self._finder.finish())

    def _cut(self, found: Iterable[tuple[int, int, int, int]]) -> list[Stretch]:
        spans = [
            (first * FRAME, min(last * FRAME, self._kept.end))
            for begin, end, first, last in found
            if end - begin >= SHORTEST_FRAMES
        ]
        return [Stretch(first, last, self._kept.cut(first, last)) for first, last in spans]


class _Kept:
    """The last samples of a recording."""

    def __init__(self) -> None:
        self._samples, self._begin = np.zeros(0, dtype=np.float32), 0

    @property
    def end(self) -> int:
        return self._begin + len(self._samples)

    def push(self, block: np.ndarray) -> None:
        self._samples = np.concatenate([self._samples, block])

    def forget(self, before: int) -> None:
        drop = max(0, before - self._begin)
        self._samples, self._begin = self._samples[drop:], self._begin + drop

    def cut(self, begin: int, end: int) -> np.ndarray:
        return self._samples[begin - self._begin : end - self._begin]


class _Finder:
    """Probabilities, frame by frame → (begin, end, begin with margin, end with margin) of each stretch."""

    def __init__(self) -> None:
        self._frame = 0  # the next one
        self._free = 0  # the first frame that no stretch has
        self._begin: int | None = None
        self._last = 0  # after the last frame with speech
        self._probabilities: collections.deque[float] = collections.deque(maxlen=LONGEST_FRAMES // 3)

    @property
    def needed(self) -> int:
        """The first frame that a later stretch may have."""
        begin = self._frame if self._begin is None else self._begin
        return max(self._free, begin - MARGIN_FRAMES)

    def push(self, probabilities: np.ndarray) -> Iterator[tuple[int, int, int, int]]:
        for probability in probabilities:
            self._probabilities.append(probability)
            if probability >= (BEGINS if self._begin is None else GOES_ON):
                self._begin = self._frame if self._begin is None else self._begin
                self._last = self._frame + 1
            self._frame += 1
            if self._begin is None:
                continue
            if self._frame - self._last >= PAUSE_FRAMES:
                yield from self.finish()
            elif self._frame - self._begin >= LONGEST_FRAMES:
                yield self._split(self._begin)

    def finish(self) -> Iterator[tuple[int, int, int, int]]:
        if self._begin is not None:
            begin, self._begin = self._begin, None
            yield self._with_margins(begin, self._last, self._last + MARGIN_FRAMES)

    def _split(self, begin: int) -> tuple[int, int, int, int]:
        recent = len(self._probabilities)
        quietest = self._frame - recent + int(np.argmin(self._probabilities)) + 1
        self._begin = min(quietest, self._last)
        return self._with_margins(begin, self._begin, self._begin)

    def _with_margins(self, begin: int, end: int, last: int) -> tuple[int, int, int, int]:
        first, self._free = max(self._free, begin - MARGIN_FRAMES), last
        return begin, end, first, last
