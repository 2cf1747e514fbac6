"""Scores of one run: UAR and accuracy with intervals over speakers, calibration, recall of each emotion."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import softmax

from ser.corpora.emotions import EMOTION_INDEX, EMOTIONS
from ser.evaluation import recall, statistics
from ser.evaluation.calibration import calibration_error
from ser.evaluation.fold_predictions import DIGITS
from ser.evaluation.predictions import read_predictions
from ser.evaluation.runs import SMALLEST, counts_of
from ser.evaluation.temperature import fit_temperature

MEASURES = {"uar": recall.uar, "accuracy": statistics.accuracy}


def read_run(path: Path, speakers: pd.Series) -> tuple[dict, pd.DataFrame]:
    """Return what a run is, and its predictions with the columns actor and unit.

    speakers: of each clip of the test corpus.
    """
    facts = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    table = read_predictions(path, DIGITS)
    return facts, table.assign(actor=table["clip"].map(speakers).astype(str), unit=1)


def score(table: pd.DataFrame, temperature: float | None) -> dict[str, object]:
    """Return the scores of a run, with a temperature that was fitted elsewhere."""
    counts, emotions = counts_of(table), table["emotion"].nunique()
    scores = {"emotions": emotions, "chance": 1 / emotions, "clips": len(table), "speakers": table["actor"].nunique()}
    for name, measure in MEASURES.items():
        found = statistics.over_units(counts, measure)
        scores |= {name: found["mean"], f"{name}_low": found["low"], f"{name}_high": found["high"]}
    confidence, right = trust(table)
    scores |= {"confidence": float(confidence.mean()), "ece": calibration_error(confidence, right)}
    scores["ece_scaled"] = None if temperature is None else calibration_error(*trust(table, temperature))
    return scores


def recall_of_each(table: pd.DataFrame) -> pd.DataFrame:
    """Return the recall of each emotion that has clips, with its interval: a row an emotion."""
    counts, clips, rows = counts_of(table), table["emotion"].value_counts(), []
    for index, emotion in enumerate(EMOTIONS):
        if emotion in clips:
            found = statistics.over_units(counts, lambda part, at=index: recall.recalls(part)[..., at])
            row = {"emotion": emotion, "clips": clips[emotion], "recall": found["mean"]}
            rows.append(row | {key: found[key] for key in ("low", "high")})
    return pd.DataFrame(rows)


def temperature_of(tables: list[pd.DataFrame]) -> float:
    """Return the temperature that makes the labels of out-of-fold predictions most likely."""
    logits, labels = zip(*(_logits_and_labels(table) for table in tables), strict=True)
    widest = max(part.shape[1] for part in logits)
    padded = [np.pad(part, ((0, 0), (0, widest - part.shape[1])), constant_values=-np.inf) for part in logits]
    return fit_temperature(np.concatenate(padded), np.concatenate(labels))


def trust(table: pd.DataFrame, temperature: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return the confidence in the predicted emotion (clip,) and whether it is right (clip,)."""
    logits, labels = _logits_and_labels(table)
    probabilities = softmax(logits / temperature, axis=1)
    return probabilities.max(axis=1), probabilities.argmax(axis=1) == labels


def _logits_and_labels(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return log-probabilities (clip, emotions of the run), and the column of each clip's emotion (clip,)."""
    emotions = sorted(set(table["emotion"]), key=EMOTION_INDEX.get)
    return np.log(table[emotions].to_numpy().clip(SMALLEST)), table["emotion"].map(emotions.index).to_numpy()
