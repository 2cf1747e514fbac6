"""Scores of all runs of one model, with intervals over speakers, by sex, intensity and emotion."""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import softmax

from ser.corpora.emotions import EMOTIONS
from ser.corpora.protocols import SPEAKER_FOLDS
from ser.evaluation import recall, statistics
from ser.evaluation.calibration import calibration_error, coverage_curve, reliability
from ser.evaluation.runs import counts_of, log_probabilities

ABOUT = ("actor", "sex", "intensity")  # columns of the clip table that the runs are joined with
MEASURES = {"accuracy": statistics.accuracy, "macro_f1": statistics.macro_f1, "uar": recall.uar}
GROUPS = {"sex": ("female", "male"), "intensity": ("normal", "strong")}


def complete_units(runs: pd.DataFrame, protocol: str, folder: Path) -> pd.DataFrame:
    """Add the column unit: the seed where its folds together test every clip, else the split with its seed.

    ValueError lists the seeds of speaker folds that lack folds.
    """
    base = protocol.removesuffix("_permuted")
    if base not in SPEAKER_FOLDS:
        return runs.assign(unit=runs["fold"].astype(str) + "-" + runs["seed"].astype(str))
    expected = set(range(1, len(SPEAKER_FOLDS[base]) + 1))
    lacking = {seed: sorted(expected - set(folds)) for seed, folds in runs.groupby("seed")["fold"]}
    problems = [f"seed {seed} lacks the folds {folds}" for seed, folds in lacking.items() if folds]
    if problems:
        raise ValueError(f"{folder}: {'; '.join(problems)}. `make results` runs what is missing.")
    return runs.assign(unit=runs["seed"].astype(str))


def score(runs: pd.DataFrame) -> dict[str, object]:
    """Return every measure with sd and interval, by sex and intensity, with calibration and the size of it all."""
    counts = counts_of(runs)
    scores: dict[str, object] = {name: statistics.over_units(counts, measure) for name, measure in MEASURES.items()}
    folds = [recall.uar(counts_of(run).sum(axis=(0, 1))) for _, run in runs.groupby(["seed", "fold"])]
    scores["uar_mean_of_folds"] = float(np.mean(folds))
    for column, groups in GROUPS.items():
        for group in groups:
            part = counts_of(runs[runs[column] == group])
            scores[group] = {name: statistics.over_units(part, MEASURES[name]) for name in ("accuracy", "uar")}
    for name, temperature in (("ece", 1.0), ("ece_scaled", runs["temperature"].to_numpy()[:, None])):
        scores[name] = calibration_error(*trust(runs, temperature))
    return scores | {"units": int(runs["unit"].nunique()), "clips": int(runs["clip"].nunique())}


def trust(runs: pd.DataFrame, temperature: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the confidence in the predicted emotion (clip,) and whether it is right (clip,)."""
    probabilities = softmax(log_probabilities(runs) / temperature, axis=1)
    right = np.array(EMOTIONS)[probabilities.argmax(axis=1)] == runs["emotion"].to_numpy()
    return probabilities.max(axis=1), right


def trust_curves(runs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return reliability, and accuracy against coverage, of the probabilities scaled on validation."""
    confidence, right = trust(runs, runs["temperature"].to_numpy()[:, None])
    return {"reliability": reliability(confidence, right), "coverage": coverage_curve(confidence, right)}


def class_table(counts: np.ndarray) -> pd.DataFrame:
    """Return the recall of each emotion with sd and interval: a row an emotion."""
    rows = [
        {"emotion": emotion} | statistics.over_units(counts, lambda part, at=index: recall.recalls(part)[..., at])
        for index, emotion in enumerate(EMOTIONS)
    ]
    return pd.DataFrame(rows)
