"""A corpus of one's own: a CSV table `path, emotion[, speaker, sex, split]` and its sounds → a copy that is checked."""

import csv
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pandas as pd

from ser.corpora.clip_table import SEXES, SPLITS
from ser.corpora.clips import measure_folder
from ser.corpora.corpus import Corpus, CorpusError, Named
from ser.corpora.emotions import EMOTIONS

REQUIRED, OPTIONAL = ("path", "emotion"), ("speaker", "sex", "split")
SOUNDS = (".wav", ".flac")
CLIPS, TABLE = "clips", "table.csv"  # of a copy: its sounds, and their rows
SHOWN = 20  # offenders of each kind


def is_table(source: Path) -> bool:
    """Whether a source is a table of clips, and no folder or archive of a published corpus."""
    return source.suffix.lower() == ".csv"


def read_table(path: Path) -> pd.DataFrame:
    """Read a user's table: a row a clip with the columns clip, path, emotion, speaker, sex and split.

    Paths are relative to the table's folder, or absolute. Emotions are in lower case; those outside the eight stay.
    `clip` is a name of its own; missing cells are empty. CorpusError lists all that cannot be used.
    """
    rows = _read_csv(path)
    missing = [name for name in REQUIRED if name not in rows]
    if missing:
        raise CorpusError(
            f"{path}: lacks the columns {missing}; it has {list(rows)}. Expected path, emotion and, "
            f"where known, {', '.join(OPTIONAL)}."
        )
    for name in OPTIONAL:
        rows[name] = rows.get(name, "")
    for name in ("emotion", "sex", "split"):
        rows[name] = rows[name].str.lower()
    problems = [] if len(rows) else ["it has no rows"]
    problems += _breaches(rows, path.parent)
    if len(rows) and not rows["emotion"].isin(EMOTIONS).any():
        problems.append(f"no clip has one of the emotions {', '.join(EMOTIONS)}; rename those that mean the same")
    if problems:
        raise CorpusError("\n  ".join([f"{path}: cannot be used as a corpus. Correct the table:", *problems]))
    rows.insert(0, "clip", _names(rows["path"]))
    if (twice := rows["clip"].str.lower().duplicated(keep=False)).any():
        raise CorpusError(f"{path}: cannot tell apart {_listed(rows.loc[twice, 'path'].tolist())}; rename some")
    return rows[["clip", *REQUIRED, *OPTIONAL]]


def copy_table(source: Path, target: Path) -> pd.DataFrame:
    """Copy the sounds of a table to target/clips/, each under its clip's name, and their rows to target/table.csv."""
    rows = read_table(source)
    (target / CLIPS).mkdir(parents=True)
    copies = []
    for row in rows.itertuples():
        copies.append(f"{row.clip}{PurePosixPath(row.path).suffix.lower()}")
        (target / CLIPS / copies[-1]).write_bytes((source.parent / row.path).read_bytes())
    rows.assign(path=copies).to_csv(target / TABLE, index=False, lineterminator="\n")
    return rows


def measure_table(name: str, copy: Path) -> pd.DataFrame:
    """Measure the clips of a copy, as `measure_folder` does, with the column split where the table has splits.

    A table without speakers makes each clip a speaker of its own (`has_speakers`). CorpusError lists unusable clips.
    """
    rows = pd.read_csv(copy / TABLE, dtype=str, keep_default_na=False).set_index("path")

    def parse(path: PurePosixPath | Path) -> Named:
        if path.name not in rows.index:
            raise ValueError(f"expected one of the {len(rows)} clips in {TABLE}")
        row = rows.loc[path.name]
        return Named(row["clip"], row["emotion"], row["speaker"] or row["clip"], row["sex"] or None)

    about = {"title": name, "home": "its own table", "licence": "its owner's", "citation": "none"}
    clips = measure_folder(copy / CLIPS, Corpus(name=name, layout=rows.index[0], parse=parse, **about))
    if rows["split"].any():
        clips["split"] = clips["path"].map(rows["split"])
    clips["path"] = f"{CLIPS}/" + clips["path"]
    return clips


def has_speakers(clips: pd.DataFrame) -> bool:
    """Whether the speakers of a clip table are known; else each clip is one of its own."""
    return bool((clips["actor"].astype(str) != clips["clip"]).any())


def _read_csv(path: Path) -> pd.DataFrame:
    """Read cells as they stand, without blanks at their ends; CorpusError names rows of another length."""
    try:
        lines = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"{path}: not a CSV table in UTF-8 ({error})") from error
    lines = [[cell.strip() for cell in line] for line in lines if any(cell.strip() for cell in line)]
    header = [name.lower() for name in lines[0]] if lines else []
    uneven = [f"row {index}" for index, line in enumerate(lines[1:], 1) if len(line) != len(header)]
    if uneven or len(set(header)) < len(header):
        found = _listed(uneven) if uneven else f"a column twice in {header}"
        raise CorpusError(f"{path}: expected {len(header)} cells a row, separated by commas; other ones: {found}")
    return pd.DataFrame(lines[1:], columns=header, dtype=str)


def _breaches(rows: pd.DataFrame, folder: Path) -> Iterator[str]:
    """Say what is wrong with which rows."""
    path, some = rows["path"], {name: (rows[name] != "").any() for name in OPTIONAL}
    there = pd.Series([(folder / name).is_file() for name in path], rows.index, dtype=bool)
    kinds = {
        "no path": (path, path == ""),
        f"neither {' nor '.join(SOUNDS)}": (path, (path != "") & ~path.str.lower().str.endswith(SOUNDS)),
        "path there twice": (path, (path != "") & path.duplicated()),
        "no such file": (path, (path != "") & ~there),
        "no emotion": (path, rows["emotion"] == ""),
        f"sex is none of {', '.join(SEXES)}": (rows["sex"], ~rows["sex"].isin([*SEXES, ""])),
        f"split is none of {', '.join(SPLITS)}": (rows["split"], some["split"] & ~rows["split"].isin(SPLITS)),
        "no speaker, while others have one; name all, or leave the column out": (
            path,
            some["speaker"] & (rows["speaker"] == ""),
        ),
    }
    for kind, (shown, wrong) in kinds.items():
        if wrong.any():
            yield f"{kind}: {_listed([f'{value!r} in row {index + 1}' for index, value in shown[wrong].items()])}"


def _names(paths: pd.Series) -> list[str]:
    """Name each clip by its file, or by its whole path where two files have one name."""
    stems = [PurePosixPath(path).stem for path in paths]
    if len({stem.lower() for stem in stems}) == len(stems):
        return stems
    whole = (PurePosixPath(path).with_suffix("").parts for path in paths)
    return ["_".join(part for part in parts if part not in ("/", "..")) for parts in whole]


def _listed(items: list[str]) -> str:
    return ", ".join(items[:SHOWN]) + (f" and {len(items) - SHOWN} more" if len(items) > SHOWN else "")
