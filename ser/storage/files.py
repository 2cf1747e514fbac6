"""Tables and JSON written whole or not at all, the same bytes on every run."""

import contextlib
import json
import os
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

FLOAT_DIGITS = 6


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, renamed to `path` when the block ends and removed when it raises.

    An OSError that names no file, as of writing to a full disk, leaves as one that names `path`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        if error.filename is not None:
            raise
        raise OSError(f"{path}: could not be written ({error}). Make room on its disk and run `dvc repro`.") from error
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder beside `path` that takes its place when the block ends and vanishes when it raises.

    Raises FileExistsError before the block where `path` is a link, which neither this nor DVC replaces.
    """
    if path.is_symlink():
        raise FileExistsError(f"{path} is a link to {path.readlink()}; remove it, for a folder is written there")
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if path.exists():
            shutil.rmtree(path)
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_table(table: pd.DataFrame, path: Path, digits: int = FLOAT_DIGITS) -> None:
    """Write a table as CSV, floats with `digits` decimals, LF line ends, no index."""
    with replacing(path) as temporary:
        table.to_csv(temporary, index=False, float_format=f"%.{digits}f", lineterminator="\n")


def read_table(path: Path, columns: tuple[str, ...] = (), /, **dtypes: type) -> pd.DataFrame:
    """Read a CSV table; ValueError names the file, and the columns it lacks or what makes it unreadable."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # of rows with more cells than the first
            table = pd.read_csv(path, dtype=dtypes or None, keep_default_na=False, na_values=[""], index_col=False)
    except (ValueError, pd.errors.ParserWarning) as error:  # of pandas' parser, of decoding, of a column's type
        raise ValueError(f"{path}: not a readable table ({error}). Delete it and run `dvc repro`.") from error
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise ValueError(
            f"{path}: lacks the columns {missing}; it has {list(table.columns)}. Delete it and run `dvc repro`."
        )
    return table


def write_json(value: object, path: Path, digits: int = FLOAT_DIGITS) -> None:
    """Write JSON with sorted keys and floats rounded to `digits` decimals."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(_rounded(value, digits), indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _rounded(value: object, digits: int) -> object:
    if isinstance(value, dict):
        return {str(key): _rounded(item, digits) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item, digits) for item in value]
    return round(value, digits) if isinstance(value, float) else value
