"""Predictions → figures of merit. Every function takes rows of one split in the prediction schema (`predictions.py`).

An emotion without clips in the split has no recall, so it is left out of every mean and table; one that is never
predicted has precision and F1 of 0. What cannot be computed (no clips; ROC of a single emotion) is None, never NaN.
"""

import numpy as np
import pandas as pd
from scipy.stats import binomtest
from sklearn import metrics

from ser.corpora.emotions import EMOTION_INDEX, EMOTIONS
from ser.evaluation.recall import count_clips, uar

GROUP_COLUMNS = ["group", "clips", "accuracy", "accuracy_low", "accuracy_high", "uar", "macro_f1", "roc_auc"]


def predicted(table: pd.DataFrame) -> np.ndarray:
    """Name the most probable emotion of each clip, the first in EMOTIONS order where two are equal."""
    return np.array(EMOTIONS)[table[list(EMOTIONS)].to_numpy().argmax(axis=1)]


def present(table: pd.DataFrame) -> list[str]:
    """List the emotions that have clips, in EMOTIONS order."""
    actual = set(table["emotion"])
    return [emotion for emotion in EMOTIONS if emotion in actual]


def accuracy_and_uar(table: pd.DataFrame) -> dict[str, float | None]:
    """Return accuracy (clips right over clips) and unweighted average recall, the field's primary figure."""
    if table.empty:
        return {"accuracy": None, "uar": None}
    actual, guess = table["emotion"].map(EMOTION_INDEX).to_numpy(), table[list(EMOTIONS)].to_numpy().argmax(axis=1)
    return {
        "accuracy": float((actual == guess).mean()),
        "uar": float(uar(count_clips(actual, guess, len(EMOTIONS)))),
    }


def headline(table: pd.DataFrame) -> dict[str, float | None]:
    """Return accuracy, UAR, macro F1 and macro one-vs-rest ROC AUC."""
    if table.empty:
        return accuracy_and_uar(table) | {"macro_f1": None, "roc_auc": None}
    classes = class_scores(table)
    return accuracy_and_uar(table) | {
        "macro_f1": float(classes["f1"].mean()),
        "roc_auc": float(classes["roc_auc"].mean()) if len(classes) > 1 else None,
    }


def group_scores(groups: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return a row a group: group, clips, accuracy with its 95 % interval (accuracy_low, accuracy_high), the others.

    The others are uar, macro_f1 and roc_auc; what cannot be computed of a group is missing.
    """
    rows = []
    for group, table in groups.items():
        right = int((predicted(table) == table["emotion"]).sum())
        low, high = wilson_interval(right, len(table)) if len(table) else (None, None)
        scores = headline(table)
        rows.append({"group": group, "clips": len(table), "accuracy_low": low, "accuracy_high": high} | scores)
    return pd.DataFrame(rows, columns=GROUP_COLUMNS)


def wilson_interval(right: int, clips: int, level: float = 0.95) -> tuple[float, float]:
    """Return the score interval of a proportion (Wilson 1927), which stays within 0 to 1 and holds for few clips."""
    interval = binomtest(right, clips).proportion_ci(confidence_level=level, method="wilson")
    return float(interval.low), float(interval.high)


def class_scores(table: pd.DataFrame) -> pd.DataFrame:
    """Return precision, recall, f1, roc_auc (one-vs-rest) and support of each emotion that has clips."""
    emotions, guess = present(table), predicted(table)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        table["emotion"], guess, labels=emotions, zero_division=0
    )
    scores = {"precision": precision, "recall": recall, "f1": f1, "roc_auc": None, "support": support}
    classes = pd.DataFrame({"emotion": emotions} | scores)
    if len(emotions) > 1:
        classes["roc_auc"] = [metrics.roc_auc_score(table["emotion"] == name, table[name]) for name in emotions]
    return classes


def roc_curves(table: pd.DataFrame) -> pd.DataFrame:
    """Return the corners of the one-vs-rest ROC curve of each emotion that has clips: emotion, fpr, tpr.

    A curve has at most two corners for each clip of its emotion. Thresholds are left out (the first is infinite).
    """
    emotions = present(table)
    curves = [pd.DataFrame(columns=["emotion", "fpr", "tpr"])]
    for name in emotions if len(emotions) > 1 else ():
        fpr, tpr, _ = metrics.roc_curve(table["emotion"] == name, table[name])
        curves.append(pd.DataFrame({"emotion": name, "fpr": fpr, "tpr": tpr}))
    return pd.concat(curves[1:] or curves, ignore_index=True)


def macro_roc(curves: pd.DataFrame) -> pd.DataFrame:
    """Average ROC curves over emotions at equal false positive rates: fpr, tpr.

    The curves are piecewise linear with vertical steps, so each rate gets the mean before and the mean after its steps:
    the area below the average is then the mean of the areas exactly (on a coarse grid it is not).
    """
    grid = np.unique(curves["fpr"].to_numpy(dtype=float))
    lines = [(line["fpr"].to_numpy(), line["tpr"].to_numpy()) for _, line in curves.groupby("emotion")]
    before = [np.interp(-grid, -fpr[::-1], tpr[::-1]) for fpr, tpr in lines]
    after = [np.interp(grid, fpr, tpr) for fpr, tpr in lines]
    means = [np.mean(side, axis=0) if lines else grid for side in (before, after)]
    points = pd.DataFrame({"fpr": np.repeat(grid, 2), "tpr": np.column_stack(means).ravel()})
    return points.drop_duplicates(ignore_index=True)
