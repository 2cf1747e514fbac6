"""A stretch of speech → overlapping windows → a row each hop."""

from typing import NamedTuple

import numpy as np


class Span(NamedTuple):
    """From a sample to another, counted from the stretch's first."""

    begin: int
    end: int


def cut_windows(samples: int, window: int, hop: int) -> list[Span]:
    """Return windows that begin every hop, and a last one that ends with the stretch; a short stretch is one."""
    if samples <= window:
        return [Span(0, samples)]
    begins = [*range(0, samples - window, hop), samples - window]
    return [Span(begin, begin + window) for begin in begins]


def cut_cells(samples: int, window: int, hop: int) -> list[Span]:
    """Return the parts that have a row each: hops, of which the last takes what is left; a short stretch is one."""
    if samples <= window:
        return [Span(0, samples)]
    count = max(1, round(samples / hop))
    return [Span(cell * hop, samples if cell == count - 1 else (cell + 1) * hop) for cell in range(count)]


def smooth(log_probabilities: np.ndarray, windows: list[Span], cells: list[Span]) -> np.ndarray:
    """Return log-probabilities (cells, emotions): the mean over the windows that hold a cell's middle, normalised.

    log_probabilities: (windows, emotions). So a hop's answer is the normalised geometric mean of what the windows over
    it say: one window that is sure cannot outvote the others.
    """
    means = coverage(windows, cells) @ log_probabilities
    return means - np.log(np.exp(means).sum(axis=1, keepdims=True))


def coverage(windows: list[Span], cells: list[Span]) -> np.ndarray:
    """Return the weight of each window in each cell, (cells, windows); rows sum to 1."""
    middles = np.array([(cell.begin + cell.end) / 2 for cell in cells])[:, None]
    begins, ends = np.array(windows).T
    covers = (begins <= middles) & (middles <= ends)
    return (covers / covers.sum(axis=1, keepdims=True)).astype(np.float32)
