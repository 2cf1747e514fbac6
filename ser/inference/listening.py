"""One channel of a long recording → its timeline, while it comes in."""

from collections.abc import Iterable

import numpy as np

from ser.inference.bundles import Bundle
from ser.inference.detector import RATE_HZ
from ser.inference.rows import Row
from ser.inference.speech import Stretch, StretchFinder
from ser.inference.windows import coverage, cut_cells, cut_windows, smooth


class Listener:
    """Takes blocks of one channel and returns rows without gaps: a row each hop of speech, one each pause."""

    def __init__(self, bundle: Bundle, window_s: float, hop_s: float, channel: int | None) -> None:
        self._bundle, self._channel = bundle, channel
        self._window, self._hop = round(window_s * RATE_HZ), round(hop_s * RATE_HZ)
        self._finder = StretchFinder()
        self._received = self._told = 0  # samples that came, and samples that have a row

    def push(self, block: np.ndarray) -> list[Row]:
        """Take (time,) float32 and return the rows of the stretches that have ended, with the pauses before them."""
        self._received += len(block)
        return self._rows(self._finder.push(block))

    def finish(self) -> list[Row]:
        """Return the rows up to the end of the recording."""
        rows = self._rows(self._finder.finish())
        return rows + self._pause(self._received)

    def _rows(self, stretches: Iterable[Stretch]) -> list[Row]:
        rows = []
        for stretch in stretches:
            rows += self._pause(stretch.begin)
            rows += self._speech(stretch)
            self._told = stretch.end
        return rows

    def _pause(self, until: int) -> list[Row]:
        pause = [Row(self._told / RATE_HZ, until / RATE_HZ, self._channel)] if until > self._told else []
        self._told = until
        return pause

    def _speech(self, stretch: Stretch) -> list[Row]:
        samples = len(stretch.waveform)
        windows = cut_windows(samples, self._window, self._hop)
        cells = cut_cells(samples, self._window, self._hop)
        logs, embeddings = self._bundle.hear([stretch.waveform[window.begin : window.end] for window in windows])
        smoothed = smooth(logs, windows, cells)
        embedded = coverage(windows, cells) @ embeddings
        return [
            Row(
                (stretch.begin + cell.begin) / RATE_HZ,
                (stretch.begin + cell.end) / RATE_HZ,
                self._channel,
                smoothed[index],
                embedded[index],
            )
            for index, cell in enumerate(cells)
        ]
