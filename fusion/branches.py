"""Write and read branch files; one that breaks the contract is refused, with every breach listed."""

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from jsonschema import Draft202012Validator

from fusion.contract import ABOUT, ABOUT_KEY, COLUMNS, LISTS, VERSION, has_type, may_be_null
from ser.corpora.emotions import EMOTIONS
from ser.storage.files import replacing

TOLERANCE = 1e-4  # of the sum of probabilities whose logarithms are float32
SHOWN = 5  # offenders of each kind


def write_branch(path: Path, about: Mapping[str, Any], columns: Mapping[str, Sequence | np.ndarray]) -> None:
    """Write a branch; ValueError lists every breach of the contract.

    about: the metadata, without contract_version and classes. columns: all but `predicted`; log_probabilities and
    embedding as (row, classes) and (row, width).
    """
    table = make_table({"contract_version": VERSION, "classes": EMOTIONS} | dict(about), columns)
    require_contract(table, path)
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", write_page_checksum=True)


def make_table(about: Mapping[str, Any], columns: Mapping[str, Sequence | np.ndarray]) -> pa.Table:
    """Return a branch as it will be written, not yet checked; `predicted` follows from the log-probabilities.

    ValueError names columns that are missing or unknown, and lists that are no matrix or have no numbers.
    """
    if columns.keys() | {"predicted"} != COLUMNS.keys():
        raise ValueError(f"expected the columns {[*COLUMNS]}, all but 'predicted', found {[*columns]}")
    matrices = {name: np.asarray(columns[name], dtype=np.float32) for name in LISTS}
    odd = {name: matrix.shape for name, matrix in matrices.items() if matrix.ndim != 2 or matrix.shape[1] == 0}
    if odd:
        raise ValueError(f"expected lists as (row, numbers), found the shapes {odd}")
    columns = {"predicted": most_likely(matrices["log_probabilities"])} | dict(columns) | matrices
    arrays = {name: _to_arrow(columns[name], kind) for name, (kind, _) in COLUMNS.items()}
    fields = [pa.field(name, array.type, nullable=may_be_null(name)) for name, array in arrays.items()]
    metadata = {ABOUT_KEY: json.dumps(about, sort_keys=True)}
    return pa.table(list(arrays.values()), schema=pa.schema(fields, metadata))


def read_branch(path: Path) -> pa.Table:
    """Read a branch; ValueError names the file and lists every breach of the contract."""
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            table = file.read()
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path}: not a readable Parquet file ({error}). Delete it and write it anew.") from error
    require_contract(table, path)
    return table


def read_about(table: pa.Table) -> dict[str, Any]:
    """Return the metadata of a branch."""
    return json.loads((table.schema.metadata or {})[ABOUT_KEY])


def read_column(table: pa.Table, name: str) -> np.ndarray:
    """Return a column as (row,), a list as (row, numbers) float64, NaN where a number is null."""
    column = table[name].combine_chunks()
    if name not in LISTS:
        return column.to_numpy(zero_copy_only=False)
    return column.flatten().to_numpy(zero_copy_only=False).astype(float).reshape(len(table), -1)


def require_contract(table: pa.Table, path: Path) -> None:
    """Raise ValueError with every breach of the contract, if there is any."""
    wrong_types = find_wrong_types(table)
    problems = [*find_wrong_metadata(table), *wrong_types.values(), *find_wrong_values(table, wrong_types)]
    if problems:
        listed = "\n  ".join(problems)
        raise ValueError(f"{path}: not as the contract {VERSION} says, described in docs/FUSION.md:\n  {listed}")


def find_wrong_metadata(table: pa.Table) -> list[str]:
    """Say what is missing or wrong in a branch's metadata."""
    try:
        about = read_about(table)
    except (KeyError, ValueError):
        return [f"the schema's metadata has no JSON under the key {ABOUT_KEY.decode()!r}"]
    errors = sorted(Draft202012Validator(ABOUT).iter_errors(about), key=lambda error: (error.json_path, error.message))
    return [f"{error.json_path.replace('$', ABOUT_KEY.decode(), 1)}: {error.message}" for error in errors]


def find_wrong_types(table: pa.Table) -> dict[str, str]:
    """Say for each column that is missing or of another type what was expected."""
    problems = {}
    for name, (kind, _) in COLUMNS.items():
        found = [field.type for field in table.schema if field.name == name]
        if len(found) != 1:
            problems[name] = f"{name}: expected one column of this name, found {len(found)}"
        elif not has_type(name, found[0]):
            expected = f"fixed_size_list of floats, {kind.list_size or 'any'} a row" if name in LISTS else kind
            problems[name] = f"{name}: expected {expected}, found {found[0]}"
    return problems


def find_wrong_values(table: pa.Table, doubtful: Collection[str]) -> list[str]:
    """Say which utterances have what the contract does not allow, in columns other than the doubtful ones."""
    if not len(table):
        return ["no rows"]
    sound = [name for name in COLUMNS if name not in doubtful]
    nulls = {name: table[name].is_null().to_numpy() for name in sound if not may_be_null(name)}
    whole = {name: read_column(table, name) for name in sound if name not in nulls or not nulls[name].any()}
    found = {f"{name}: null": rows for name, rows in nulls.items()}
    for what, (find, *needed) in CHECKS.items():
        if whole.keys() >= set(needed):
            found[what] = find(*(whole[name] for name in needed))
    names = table["utterance"].to_numpy() if "utterance" in sound else np.arange(len(table))
    return [
        f"{what}, in {rows.sum()} rows, first {names[rows][:SHOWN].tolist()}"
        for what, rows in found.items()
        if rows.any()
    ]


def most_likely(logs: np.ndarray) -> np.ndarray:
    """Return the emotion of each row of (row, classes)."""
    return np.array(EMOTIONS, dtype=object)[logs.argmax(axis=1)]


def _is_empty(values: np.ndarray) -> np.ndarray:
    return values == ""


def _is_repeated(values: np.ndarray) -> np.ndarray:
    return pd.Series(values).duplicated().to_numpy()


def _is_not_finite(values: np.ndarray) -> np.ndarray:
    return ~np.isfinite(values).all(axis=1)


# What may be wrong with values: what finds the rows, and the columns that it looks at
CHECKS = {
    "utterance: empty": (_is_empty, "utterance"),
    "utterance: there more than once": (_is_repeated, "utterance"),
    "clip: empty": (_is_empty, "clip"),
    "speaker: empty": (_is_empty, "speaker"),
    "emotion: none of the classes": (lambda labels: ~pd.Series(labels).isin([*EMOTIONS, None]).to_numpy(), "emotion"),
    "log_probabilities: not finite": (_is_not_finite, "log_probabilities"),
    "log_probabilities: above 0": (lambda logs: (logs > 0).any(axis=1), "log_probabilities"),
    "log_probabilities: exponentials that do not sum to 1": (
        lambda logs: abs(np.exp(logs.clip(max=1)).sum(axis=1) - 1) > TOLERANCE,
        "log_probabilities",
    ),
    "predicted: not the most likely class": (
        lambda logs, predicted: most_likely(logs) != predicted,
        "log_probabilities",
        "predicted",
    ),
    "embedding: not finite": (_is_not_finite, "embedding"),
}


def _to_arrow(values: Sequence | np.ndarray, kind: pa.DataType) -> pa.Array:
    if isinstance(values, np.ndarray) and values.ndim == 2:
        return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
    return pa.array(values, kind, from_pandas=True)
