"""Tables of clips (`data/clips.csv`) and of their splits, as stages read them again: every cell taken is checked."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from ser.corpora.emotions import EMOTIONS
from ser.storage.files import read_table

SEXES = ("female", "male")
SPLITS = ("train", "val", "test")
SHOWN = 5  # offenders of each kind

Check = tuple[str, Callable[[pd.DataFrame], pd.Series]]  # what a cell has to be, and which rows' cells are

NAMES: Check = ("a name of its own", lambda clips: clips["clip"].notna() & ~clips["clip"].duplicated())
CHECKS: dict[str, Check] = {
    "clip": NAMES,
    "path": ("a path", lambda clips: clips["path"].notna()),
    "emotion": (f"one of {list(EMOTIONS)}", lambda clips: clips["emotion"].isin(EMOTIONS)),
    "actor": ("the name or number of a speaker", lambda clips: clips["actor"].notna()),
    "sex": (f"one of {list(SEXES)}, or empty", lambda clips: clips["sex"].isin(SEXES) | clips["sex"].isna()),
    "duplicate_of": (
        "empty or the name of another clip",
        lambda clips: (
            clips["duplicate_of"].isna()
            | (clips["duplicate_of"].isin(clips["clip"]) & (clips["duplicate_of"] != clips["clip"]))
        ),
    ),
}


def read_clips(path: Path, *columns: str) -> pd.DataFrame:
    """Read a table that has these columns, `clip` among them; ValueError lists every cell that cannot be.

    Actors are int where the corpus numbers them, else str.
    """
    clips = _read(path, columns, {column: CHECKS[column] for column in columns if column in CHECKS})
    numbered = "actor" in columns and clips["actor"].str.fullmatch(r"[1-9]\d*").all()
    return clips.astype({"actor": int}) if numbered else clips


def read_splits(path: Path, column: str = "split") -> pd.DataFrame:
    """Read the split of each clip, from a table with the columns `clip` and this one; ValueError as of clips."""
    known: Check = (f"one of {list(SPLITS)}", lambda splits: splits[column].isin(SPLITS))
    return _read(path, ("clip", column), {"clip": NAMES, column: known})


def _read(path: Path, columns: tuple[str, ...], checks: Mapping[str, Check]) -> pd.DataFrame:
    table = read_table(path, columns, **dict.fromkeys(checks, str))
    problems = [] if len(table) else ["it has no rows"]
    for column, (allowed, fits) in checks.items():
        wrong = table.loc[~fits(table), column]
        if len(wrong):
            found = ", ".join(f"{value!r} in row {row + 1}" for row, value in wrong.head(SHOWN).items())
            more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
            problems.append(f"{column}: expected {allowed}, found {found}{more}")
    if problems:
        raise ValueError("\n  ".join([f"{path}: cannot be used. Delete it and run `dvc repro`.", *problems]))
    return table
