"""What is noted of a recording while it passes: its duration, and its envelope for a picture."""

from collections.abc import Iterator

import numpy as np

BIN_S = 0.05  # of the envelope: an hour has 72 000


class Meter:
    """Counts the frames of a recording; with `envelope`, keeps the lowest and highest sample of each BIN_S."""

    def __init__(self, sample_rate_hz: int, envelope: bool) -> None:
        self._rate_hz, self._frames = sample_rate_hz, 0
        self._bin = round(sample_rate_hz * BIN_S)
        self._bins: list[np.ndarray] | None = [] if envelope else None
        self._rest = np.zeros(0, dtype=np.float32)

    @property
    def duration_s(self) -> float:
        return self._frames / self._rate_hz

    def watch(self, blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        """Pass on (time, channels) blocks."""
        for block in blocks:
            self._frames += len(block)
            if self._bins is not None:
                self._note(self._bins, block.mean(axis=1))
            yield block

    def envelope(self) -> np.ndarray | None:
        """Return (bins, 2) of the mean of the channels."""
        return None if self._bins is None else np.concatenate([np.zeros((0, 2), np.float32), *self._bins])

    def _note(self, bins: list[np.ndarray], mono: np.ndarray) -> None:
        samples = np.concatenate([self._rest, mono])
        whole = len(samples) // self._bin * self._bin
        self._rest = samples[whole:]
        cut = samples[:whole].reshape(-1, self._bin)
        bins.append(np.stack([cut.min(axis=1), cut.max(axis=1)], axis=1))
