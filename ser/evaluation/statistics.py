"""Figures of merit with their uncertainty over speakers, and paired comparisons of models.

All work on counts (unit, speaker, actual, predicted): how many clips of a speaker and an emotion were taken for which
emotion. A unit is one complete pass over the test clips: a seed with all its folds, or one random split.
"""

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import wilcoxon

from ser.evaluation.recall import mean_of_present, ratio, uar

RESAMPLES = 10_000
SEED = 0

Measure = Callable[[np.ndarray], np.ndarray]


def confusion_counts(
    units: np.ndarray, speakers: np.ndarray, actual: np.ndarray, predicted: np.ndarray, classes: int
) -> np.ndarray:
    """Count clips as (unit, speaker, actual, predicted); units and speakers in sorted order of their values."""
    (unit_names, unit), (speaker_names, speaker) = (np.unique(ids, return_inverse=True) for ids in (units, speakers))
    counts = np.zeros((len(unit_names), len(speaker_names), classes, classes))
    np.add.at(counts, (unit, speaker, actual, predicted), 1)
    return counts


def accuracy(counts: np.ndarray) -> np.ndarray:
    """Clips right over clips; counts: (…, actual, predicted)."""
    return ratio(np.trace(counts, axis1=-2, axis2=-1), counts.sum(axis=(-2, -1)))


def macro_f1(counts: np.ndarray) -> np.ndarray:
    """Mean F1 over the emotions that have clips."""
    right, actual, predicted = np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(axis=-1), counts.sum(axis=-2)
    return mean_of_present(np.where(actual > 0, ratio(2 * right, actual + predicted), np.nan))


def over_units(counts: np.ndarray, measure: Measure) -> dict[str, float]:
    """Return the measure's mean over the units, their standard deviation and the interval over speakers."""
    values = measure(counts.sum(axis=1))
    low, high = interval(resampled(counts, measure))
    sd = float(values.std(ddof=1)) if len(values) > 1 else None
    return {"mean": float(values.mean()), "sd": sd, "low": low, "high": high}


def resampled(counts: np.ndarray, measure: Measure, resamples: int = RESAMPLES) -> np.ndarray:
    """Return the measure's mean over the units for each bootstrap sample of speakers (resample,).

    The same samples for the same number of speakers, so that models can be compared sample by sample.
    """
    speakers = counts.shape[1]
    weights = np.random.default_rng(SEED).multinomial(speakers, np.full(speakers, 1 / speakers), size=resamples)
    return np.mean([measure(np.einsum("rs,sap->rap", weights, unit)) for unit in counts], axis=0)


def interval(samples: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Return the percentile interval of bootstrap samples."""
    low, high = np.nanquantile(samples, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def compare_pairs(counts: dict[str, np.ndarray]) -> pd.DataFrame:
    """Compare the UAR of all pairs of models over the same speakers: a row a pair.

    difference (first minus second) with its interval over speakers; p of the Wilcoxon signed-rank test over the
    speakers' UAR, means over the units, and p_holm, corrected for the number of pairs.
    """
    rows = []
    for first, second in combinations(counts, 2):
        speakers = [np.nanmean(uar(counts[model]), axis=0) for model in (first, second)]
        samples = resampled(counts[first], uar) - resampled(counts[second], uar)
        low, high = interval(samples)
        means = [float(uar(counts[model].sum(axis=1)).mean()) for model in (first, second)]
        better = int((speakers[0] > speakers[1]).sum())
        rows.append((first, second, means[0] - means[1], low, high, better, signed_rank_p(speakers[0] - speakers[1])))
    columns = ["first", "second", "difference", "low", "high", "speakers_better", "p"]
    return pd.DataFrame(rows, columns=columns).assign(p_holm=lambda table: holm(table["p"].to_numpy()))


def signed_rank_p(differences: np.ndarray) -> float:
    """Return the two-sided p of the Wilcoxon signed-rank test; 1 where all differences are zero."""
    return float(wilcoxon(differences).pvalue) if np.any(differences) else 1.0


def holm(p: np.ndarray) -> np.ndarray:
    """Return p values corrected for their number by Holm's step-down method (Holm 1979)."""
    order = np.argsort(p)
    steps = p[order] * np.arange(len(p), 0, -1)
    corrected = np.empty_like(p, dtype=float)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return corrected
