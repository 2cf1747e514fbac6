"""Recall of each emotion and its unweighted mean (UAR), from counts of clips: the one place that computes them.

A count has the axes (…, actual, predicted): how many clips of each emotion were predicted as each.
"""

import numpy as np


def count_clips(actual: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Count clips as (actual, predicted); both are (clip,) numbers of emotions."""
    counts = np.zeros((classes, classes))
    np.add.at(counts, (actual, predicted), 1)
    return counts


def recalls(counts: np.ndarray) -> np.ndarray:
    """Recall of each emotion, NaN without clips: (…, actual)."""
    return ratio(np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(axis=-1))


def uar(counts: np.ndarray) -> np.ndarray:
    """Unweighted average recall over the emotions that have clips."""
    return mean_of_present(recalls(counts))


def mean_of_present(values: np.ndarray) -> np.ndarray:
    """Mean over the last axis of what is not NaN."""
    return ratio(np.nansum(values, axis=-1), (~np.isnan(values)).sum(axis=-1))


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Divide, NaN where the denominator is 0."""
    return np.divide(numerator, denominator, out=np.full(np.shape(numerator), np.nan), where=denominator > 0)
