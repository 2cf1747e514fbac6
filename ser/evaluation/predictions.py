"""The one table that every model writes and every report reads: a row a clip, a probability an emotion."""

from pathlib import Path

import numpy as np
import pandas as pd

from ser.corpora.clip_table import SPLITS
from ser.corpora.emotions import EMOTIONS
from ser.storage.files import FLOAT_DIGITS, read_table, write_table

COLUMNS = ("clip", "split", "emotion", *EMOTIONS)


class PredictionsError(ValueError):
    """A prediction table breaks the schema; the message lists every breach and the rows."""


def write_predictions(clips: pd.DataFrame, probabilities: np.ndarray, path: Path, digits: int = FLOAT_DIGITS) -> None:
    """Write the predictions of all clips with so many decimals; PredictionsError before anything is written.

    clips: a table with the columns clip, split and emotion (the actual one); others are left out.
    probabilities: (clip, emotion) in EMOTIONS order, rows sum to 1 and follow `clips`.
    """
    if probabilities.shape != (len(clips), len(EMOTIONS)):
        raise PredictionsError(
            f"{path}: expected probabilities ({len(clips)}, {len(EMOTIONS)}), found {probabilities.shape}"
        )
    table = clips[["clip", "split", "emotion"]].reset_index(drop=True)
    table[list(EMOTIONS)] = np.asarray(probabilities, dtype=np.float64).round(digits)
    check_predictions(table, str(path), digits)
    write_table(table, path, digits)


def read_predictions(path: Path, digits: int = FLOAT_DIGITS) -> pd.DataFrame:
    """Read a prediction table: clip, split, emotion, then float64 probabilities in EMOTIONS order, checked."""
    table = read_table(path, COLUMNS, clip=str, split=str, emotion=str)
    check_predictions(table, str(path), digits)
    return table


def check_predictions(table: pd.DataFrame, source: str, digits: int = FLOAT_DIGITS) -> None:
    """Raise PredictionsError, starting with `source`, unless the table follows the schema."""
    tolerance = 10.0 ** (1 - digits)  # eight values rounded to six decimals are at most 4e-6 off
    if tuple(table.columns) != COLUMNS:
        raise PredictionsError(f"{source}: expected the columns {list(COLUMNS)}, found {list(table.columns)}")
    try:
        probabilities = table[list(EMOTIONS)].to_numpy(dtype=np.float64)
    except ValueError as error:
        raise PredictionsError(f"{source}: probabilities are not numbers: {error}") from None
    finite = np.isfinite(probabilities).all(axis=1)
    breaches = {
        "no clip name": table["clip"].isna(),
        "clip named twice": table["clip"].duplicated() & table["clip"].notna(),
        f"split is none of {list(SPLITS)}": ~table["split"].isin(SPLITS),
        f"emotion is none of {list(EMOTIONS)}": ~table["emotion"].isin(EMOTIONS),
        "probability missing or infinite": ~finite,
        "probability outside 0 to 1": finite & ((probabilities < 0) | (probabilities > 1)).any(axis=1),
        "probabilities do not sum to 1": finite & (abs(probabilities.sum(axis=1) - 1) > tolerance),
    }
    found = [f"  {breach}: {_first_clips(table[rows])}" for breach, rows in breaches.items() if rows.any()]
    if found or table.empty:
        raise PredictionsError("\n".join([f"{source}: not a table of predictions", *(found or ["  it has no rows"])]))


def _first_clips(table: pd.DataFrame, shown: int = 5) -> str:
    names = ", ".join(map(str, table["clip"].head(shown)))
    return f"{names} and {len(table) - shown} more" if len(table) > shown else names
