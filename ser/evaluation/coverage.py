"""How many clips can be answered when the answers shall have a stated accuracy."""

from typing import NamedTuple

import numpy as np


class Coverage(NamedTuple):
    """The share of the clips that are answered, and the confidence that they reach."""

    share: float
    min_confidence: float


def coverage_at(confidence: np.ndarray, right: np.ndarray, accuracy: float) -> Coverage:
    """Return the largest share of clips, the most confident first, of which at least `accuracy` are right.

    confidence: (clip,), right: (clip,) bool. Clips of one confidence are answered together. No clips: a share of 0.
    """
    order = np.argsort(-confidence, kind="stable")
    ordered, running = confidence[order], np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    last_of_its_confidence = np.append(ordered[1:] != ordered[:-1], True)
    fits = np.flatnonzero(last_of_its_confidence & (running >= accuracy))
    if not len(fits):
        return Coverage(0.0, float("inf"))
    return Coverage((fits[-1] + 1) / len(order), float(ordered[fits[-1]]))
