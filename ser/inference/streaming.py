"""Sound that is still coming in → an answer each hop."""

from collections.abc import Iterator

import numpy as np

from ser.inference.bundles import Bundle
from ser.inference.decoders.sound import Sound
from ser.inference.detector import FRAME, RATE_HZ, SpeechDetector
from ser.inference.resampling import resampled
from ser.inference.rows import Row
from ser.inference.speech import BEGINS, GOES_ON, MARGIN_FRAMES, SHORTEST_FRAMES

SHORTEST_S = 0.1  # of the last hop


def follow(sound: Sound, bundle: Bundle, window_s: float, hop_s: float, separate: bool) -> Iterator[Row]:
    """Return a row for each hop and channel as soon as the hop has come in.

    It is the model's answer to the window that ends with the hop, without the pause that the window may begin with,
    and without smoothing: later windows have not been heard. A hop without a quarter of a second of speech (or half
    of a short hop) has no speech.
    """
    hop, window = round(hop_s * RATE_HZ), round(window_s * RATE_HZ)
    followers: list[_Follower] = []
    for block in resampled(sound.blocks, sound, RATE_HZ, separate):
        followers = followers or [_Follower(bundle, window) for _ in block]
        samples = block
        while (need := hop - followers[0].pending) <= samples.shape[1]:
            yield from _answers(followers, samples[:, :need], separate)
            samples = samples[:, need:]
        for follower, waveform in zip(followers, samples, strict=True):
            follower.push(waveform)
    if followers and followers[0].pending >= SHORTEST_S * RATE_HZ:
        yield from _answers(followers, np.zeros((len(followers), 0), np.float32), separate)


def _answers(followers: list["_Follower"], block: np.ndarray, separate: bool) -> Iterator[Row]:
    for channel, (follower, waveform) in enumerate(zip(followers, block, strict=True)):
        follower.push(waveform)
        yield follower.answer(channel if separate else None)


class _Follower:
    """The last window of one channel, and the probability of speech in each of its frames."""

    def __init__(self, bundle: Bundle, window: int) -> None:
        self._bundle, self._window = bundle, window
        self._detector = SpeechDetector()
        self._samples = np.zeros(0, dtype=np.float32)
        self._speech = np.zeros(0, dtype=np.float32)
        self._end = 0  # in samples from the start of the stream
        self.pending = 0  # samples since the last answer

    def push(self, waveform: np.ndarray) -> None:
        self._samples = np.concatenate([self._samples, waveform])[-max(self._window, self.pending) :]
        frames = max(self._window, self.pending) // FRAME
        self._speech = np.concatenate([self._speech, self._detector.push(waveform)])[-frames:]
        self._end += len(waveform)
        self.pending += len(waveform)

    def answer(self, channel: int | None) -> Row:
        begin_s, end_s = (self._end - self.pending) / RATE_HZ, self._end / RATE_HZ
        frames = max(1, self.pending // FRAME)
        self.pending = 0
        if (self._speech[-frames:] >= BEGINS).sum() < min(SHORTEST_FRAMES, (frames + 1) // 2):
            return Row(begin_s, end_s, channel)
        silent = int((self._speech >= GOES_ON).argmax())  # frames before the first with speech
        begin = max(0, len(self._samples) - (len(self._speech) - silent + MARGIN_FRAMES) * FRAME)
        logs, embeddings = self._bundle.hear([self._samples[begin:]])
        return Row(begin_s, end_s, channel, logs[0], embeddings[0])
