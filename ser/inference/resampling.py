"""Resampling in blocks: torchaudio's windowed sinc filter, without torch, at any ratio and in bounded memory."""

import functools
import math
from collections.abc import Iterator

import numpy as np

from ser.inference.decoders.sound import Sound

CHUNK = 32  # outputs of one matrix product
ZERO_CROSSINGS, ROLLOFF = 6, 0.99  # of torchaudio.transforms.Resample


def resampled(blocks: Iterator[np.ndarray], sound: Sound, to_hz: int, separate: bool) -> Iterator[np.ndarray]:
    """Return (channels, time) blocks at another rate of (time, channels) blocks: each channel, or their mean."""
    resamplers = [Resampler(sound.sample_rate_hz, to_hz) for _ in range(sound.channels if separate else 1)]
    for block in blocks:
        # The mean of one channel is the channel; numpy takes two thirds as long for it as resampling does
        channels = block.T if separate or block.shape[1] == 1 else block.mean(axis=1)[None]
        yield np.stack([resampler.push(one) for resampler, one in zip(resamplers, channels, strict=True)])
    yield np.stack([resampler.finish() for resampler in resamplers])


class Resampler:
    """Resample a waveform that comes in blocks; all outputs together equal torchaudio's of the whole.

    Output j is a sum over the inputs around j * from_hz / to_hz. After `lcm` outputs the positions repeat, so that
    CHUNK outputs are a product of neighbouring inputs with one of a few matrices. There are at most to_hz / CHUNK.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        divisor = math.gcd(from_hz, to_hz)
        self._from, self._to = from_hz // divisor, to_hz // divisor
        self._reach = math.ceil(ZERO_CROSSINGS * self._from / (min(self._from, self._to) * ROLLOFF))
        self._span = CHUNK * self._from // self._to + 2 * self._reach + 2
        self._period = math.lcm(self._to, CHUNK) // CHUNK  # chunks until the matrices repeat
        while self._period * CHUNK * self._from < self._span * self._to:
            self._period *= 2  # rows that overlap would be copied before they are multiplied
        self._stride = self._period * CHUNK * self._from // self._to  # inputs of a period
        self._matrices = _matrices(self._from, self._to, self._reach, self._span, self._period)
        self._chunk = 0  # the next one
        self._received = 0
        self._buffer = np.zeros(self._reach, dtype=np.float32)  # inputs from self._begins on
        self._begins = -self._reach

    def push(self, block: np.ndarray) -> np.ndarray:
        """Take (time,) float32 and return the outputs that no later input can change."""
        if not self._matrices:
            return block
        self._received += len(block)
        self._buffer = np.concatenate([self._buffer, block])
        # The last chunk whose inputs are all there
        whole = self._begins + len(self._buffer) - self._span + self._reach
        return self._run(max(self._chunk, (whole + 1) * self._to // (self._from * CHUNK)))

    def finish(self) -> np.ndarray:
        """Return the remaining outputs, as if zeros followed."""
        if not self._matrices:
            return np.zeros(0, dtype=np.float32)
        outputs = math.ceil(self._received * self._to / self._from)
        begins = self._chunk * CHUNK
        chunks = math.ceil(outputs / CHUNK)
        missing = self._start(chunks) + self._span - self._begins - len(self._buffer)
        self._buffer = np.concatenate([self._buffer, np.zeros(max(0, missing), dtype=np.float32)])
        return self._run(chunks)[: outputs - begins]

    def _run(self, until: int) -> np.ndarray:
        first, self._chunk = self._chunk, until
        outputs = np.empty((until - first, CHUNK), dtype=np.float32)
        for offset in range(min(self._period, until - first)):
            begin = self._start(first + offset) - self._begins
            rows = len(range(offset, until - first, self._period))
            view = np.lib.stride_tricks.as_strided(
                self._buffer[begin:], (rows, self._span), (self._stride * 4, 4), writeable=False
            )
            outputs[offset :: self._period] = view @ self._matrices[(first + offset) % self._period]
        done = self._start(until) - self._begins
        self._buffer, self._begins = self._buffer[done:], self._begins + done
        return outputs.ravel()

    def _start(self, chunk: int) -> int:
        """The first input of a chunk."""
        return chunk * CHUNK * self._from // self._to - self._reach


@functools.lru_cache(maxsize=4)
def _matrices(from_hz: int, to_hz: int, reach: int, span: int, period: int) -> list[np.ndarray]:
    """Return the filter as (inputs, outputs) of each chunk of a period; nothing where both rates are the same."""
    return [_matrix(from_hz, to_hz, reach, span, chunk) for chunk in range(period)] if from_hz != to_hz else []


def _matrix(from_hz: int, to_hz: int, reach: int, span: int, chunk: int) -> np.ndarray:
    inputs = chunk * CHUNK * from_hz // to_hz - reach + np.arange(span)[:, None]
    periods, phases = np.divmod(chunk * CHUNK + np.arange(CHUNK), to_hz)
    cutoff = min(from_hz, to_hz) * ROLLOFF
    # torchaudio rounds the phase, and only the phase, to float32
    rounded = phases.astype(np.float32) / np.float32(to_hz)
    crossings = ((inputs - periods * from_hz) / from_hz - rounded) * cutoff
    crossings = crossings.clip(-ZERO_CROSSINGS, ZERO_CROSSINGS)
    window = np.cos(crossings * np.pi / ZERO_CROSSINGS / 2) ** 2
    return (np.sinc(crossings) * window * cutoff / from_hz).astype(np.float32)
