"""Score all runs of a protocol: */runs/<protocol> → studies/comparison/{metrics,plots,tables}/<protocol>*."""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import softmax

from ser.corpora.clip_table import read_clips
from ser.corpora.emotions import EMOTIONS
from ser.corpora.protocols import SPEAKER_FOLDS
from ser.evaluation import recall, statistics
from ser.evaluation.calibration import calibration_error, coverage_curve, reliability
from ser.evaluation.fold_predictions import DIGITS
from ser.evaluation.runs import counts_of, log_probabilities, read_runs
from ser.storage.errors import reporting
from ser.storage.files import write_json, write_table
from studies.comparison.found_runs import find_runs

CLIPS = Path("data/clips.csv")
OUT = Path("studies/comparison")
MEASURES = {"accuracy": statistics.accuracy, "macro_f1": statistics.macro_f1, "uar": recall.uar}
GROUPS = {"sex": ("female", "male"), "intensity": ("normal", "strong")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("protocol", help="a folder of runs, such as luna")
    protocol = parser.parse_args().protocol
    with reporting("aggregate"):
        aggregate(protocol)


def aggregate(protocol: str) -> None:
    """Write metrics, tables and curves of all models that have runs, and print the headline."""
    about = read_clips(CLIPS, "clip", "actor", "sex", "intensity").set_index("clip")[["actor", "sex", "intensity"]]
    metrics, classes, curves, counts = {}, [], {"reliability": [], "coverage": []}, {}
    for model, folder in find_runs(protocol).items():
        runs = complete_units(read_runs(folder).join(about, on="clip"), protocol, folder)
        counts[model] = counts_of(runs)
        metrics[model] = score(runs)
        classes.append(class_table(counts[model]).assign(model=model))
        for name, table in trust_curves(runs).items():
            curves[name].append(table.assign(model=model))
    write_json(metrics, OUT / f"metrics/{protocol}.json", DIGITS)
    write_table(
        pd.concat(classes)[["model", "emotion", "mean", "sd", "low", "high"]],
        OUT / f"tables/{protocol}_recall.csv",
        DIGITS,
    )
    write_table(statistics.compare_pairs(counts), OUT / f"tables/{protocol}_pairs.csv", DIGITS)
    for name, tables in curves.items():
        write_table(pd.concat(tables), OUT / f"plots/{protocol}_{name}.csv", DIGITS)
    for model, scores in metrics.items():
        print(f"{model}: UAR {scores['uar']['mean']:.4f} [{scores['uar']['low']:.4f}, {scores['uar']['high']:.4f}]")


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


if __name__ == "__main__":
    main()
