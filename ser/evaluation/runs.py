"""The runs of one model on the folds of a protocol, read and counted."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd

from ser.corpora.emotions import EMOTION_INDEX, EMOTIONS
from ser.evaluation.fold_predictions import DIGITS
from ser.evaluation.predictions import read_predictions
from ser.evaluation.statistics import confusion_counts

SMALLEST = 0.5 * 10**-DIGITS  # stands for a probability that was rounded to 0


def read_runs(folder: Path, part: str = "test") -> pd.DataFrame:
    """Return the rows of one split of all runs in a folder: fold, seed, temperature, clip, emotion and probabilities.

    ValueError names tables that are no predictions, or hold no such clips.
    """
    tables = []
    for path in sorted(folder.glob("*.csv")):
        table = read_predictions(path, DIGITS)
        table = table[table["split"] == part].drop(columns="split")
        if table.empty:
            raise ValueError(f"{path}: has no clips of the split {part!r}. Delete it and rerun it.")
        named = re.fullmatch(r"(\d+)-(\d+)", path.stem, re.ASCII)
        if not named:
            raise ValueError(f"{path}: expected a name like 1-1.csv, a fold and a seed")
        tables.append(table.assign(fold=int(named[1]), seed=int(named[2]), temperature=_read_temperature(path)))
    if not tables:
        raise ValueError(f"{folder}: no runs; run `dvc repro` in the project of this folder")
    return pd.concat(tables, ignore_index=True)


def _read_temperature(path: Path) -> float:
    """Return the temperature among the facts beside a run's table."""
    facts = path.with_suffix(".json")
    try:
        temperature = json.loads(facts.read_text(encoding="utf-8"))["temperature"]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{facts}: has no `temperature` ({error!r}). Delete it and rerun it.") from None
    if not isinstance(temperature, int | float) or not 0 < temperature < math.inf:
        raise ValueError(f"{facts}: its temperature is {temperature!r}, expected more than 0. Delete it and rerun it.")
    return temperature


def counts_of(runs: pd.DataFrame) -> np.ndarray:
    """Count the clips of runs (with the columns unit and actor) as (unit, speaker, actual, predicted)."""
    actual = runs["emotion"].map(EMOTION_INDEX).to_numpy()
    predicted = runs[list(EMOTIONS)].to_numpy().argmax(axis=1)
    return confusion_counts(runs["unit"].to_numpy(), runs["actor"].to_numpy(), actual, predicted, len(EMOTIONS))


def log_probabilities(table: pd.DataFrame) -> np.ndarray:
    """Return (clip, emotions) of the rounded probabilities of a table of runs."""
    return np.log(table[list(EMOTIONS)].to_numpy().clip(SMALLEST))
