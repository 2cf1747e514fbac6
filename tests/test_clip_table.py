"""Tables of clips and splits, read again: what cannot be is listed, cell by cell."""

from pathlib import Path

import pandas as pd
import pytest

from ser.corpora.clip_table import read_clips, read_splits

GOOD = {
    "clip": ["a", "b", "c"],
    "path": ["a.wav", "b.wav", "c.wav"],
    "emotion": ["sad", "calm", "sad"],
    "actor": [1, 2, 24],
    "sex": ["male", "female", "female"],
    "duplicate_of": [None, "a", None],
}


def write(folder: Path, **changes: list) -> Path:
    pd.DataFrame(GOOD | changes).to_csv(folder / "clips.csv", index=False)
    return folder / "clips.csv"


def test_a_good_table_comes_back(tmp_path):
    clips = read_clips(write(tmp_path), *GOOD)
    assert clips.astype(object).where(clips.notna(), None).to_dict("list") == GOOD


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"clip": ["a", "a", None], "duplicate_of": [None] * 3},
            "clip: expected a name of its own, found 'a' in row 2, nan in row 3",
        ),
        ({"path": ["a.wav", None, "c.wav"]}, "path: expected a path, found nan in row 2"),
        ({"emotion": ["sad", "bored", None]}, "emotion: expected one of .*, found 'bored' in row 2, nan in row 3"),
        ({"actor": ["1", None, "3"]}, "actor: expected the name or number of a speaker, found nan in row 2"),
        ({"sex": ["male", "?", None]}, r"sex: expected one of \['female', 'male'\], or empty, found '\?' in row 2"),
        ({"duplicate_of": ["z", "b", None]}, "duplicate_of: .*another clip, found 'z' in row 1, 'b' in row 2"),
    ],
)
def test_every_impossible_cell_is_named_with_its_row(tmp_path, changes, problem):
    with pytest.raises(
        ValueError, match=rf"clips\.csv: cannot be used\. Delete it and run `dvc repro`\.\n  {problem}$"
    ):
        read_clips(write(tmp_path, **changes), *GOOD)


def test_the_problems_of_all_columns_are_listed_at_once_but_of_no_other(tmp_path):
    path = write(tmp_path, emotion=["x"] * 3, sex=["x"] * 3, actor=["x"] * 3)
    with pytest.raises(ValueError, match=r"\n  emotion: .*\n  sex: [^\n]*$"):
        read_clips(path, "clip", "emotion", "sex")


def test_a_table_without_rows_is_refused(tmp_path):
    with pytest.raises(ValueError, match="it has no rows"):
        read_clips(write(tmp_path, **{name: [] for name in GOOD}), "clip", "emotion")


@pytest.mark.parametrize("column", ["split", "3"])
def test_an_unknown_split_is_named(tmp_path, column):
    pd.DataFrame({"clip": ["a", "b"], column: ["train", "tset"]}).to_csv(tmp_path / "splits.csv", index=False)
    with pytest.raises(ValueError, match=rf"splits\.csv: .*\n  {column}: expected one of .*, found 'tset' in row 2"):
        read_splits(tmp_path / "splits.csv", column)
