"""All rows with speech → Parquet as docs/FUSION.md says: an audio branch."""

import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from ser.corpora.emotions import EMOTIONS
from ser.inference.outputs.about import About
from ser.inference.rows import Heard, Problem, Row

CONTRACT = "1.0"
PROTOCOL = "released"  # trained on all speakers of RAVDESS: those are not kept apart, everybody else is
RECORDINGS_AT_ONCE = 256


def write(found: Iterable[Heard | Problem], about: About, path: Path) -> None:
    """Write the rows; ValueError where there is none, since a branch has rows."""
    import pyarrow as pa  # large, and an extra of the package
    from pyarrow import parquet

    tables = _tables(found, about)
    first = next(tables, None)
    if first is None:
        raise ValueError("there is no speech in what was heard, so there is no row to write as Parquet")
    with parquet.ParquetWriter(path, first.schema, compression="zstd", write_page_checksum=True) as writer:
        rest = itertools.chain([first], tables)
        while together := list(itertools.islice(rest, RECORDINGS_AT_ONCE)):
            writer.write_table(pa.concat_tables(together))


def _tables(found: Iterable[Heard | Problem], about: About) -> Iterator[Any]:
    names = Names()
    for heard in (one for one in found if isinstance(one, Heard)):
        rows = [row for row in heard.rows if row.log_probabilities is not None]
        if rows:
            yield _table(heard, rows, names.of(heard), about)


class Names:
    """The recordings' names in the column `utterance`: without folder and suffix, where that is unique."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def of(self, heard: Heard) -> str:
        path = PurePath(heard.name)
        name = path.stem if path.stem not in self._taken else path.as_posix()
        self._taken.add(name)
        return name


def _table(heard: Heard, rows: list[Row], name: str, about: About) -> Any:
    import pyarrow as pa

    def text(values: Iterable[str]) -> pa.Array:
        return pa.array(list(values), pa.string())

    def numbers(values: Iterable[Any]) -> pa.Array:
        matrix = np.stack(list(values)).astype(np.float32)
        return pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), matrix.shape[1])

    channels = ["" if row.channel is None else f"channel={row.channel + 1}" for row in rows]
    whole = len(heard.rows) == 1  # a short clip is one utterance; else the rows' times make them unique
    fragments = [
        "" if whole else "#" + "&".join(filter(None, [f"t={row.begin_s:.3f},{row.end_s:.3f}", channel]))
        for row, channel in zip(rows, channels, strict=True)
    ]
    columns = {
        "utterance": text(name + fragment for fragment in fragments),
        "clip": text(heard.name for _ in rows),
        "speaker": text(f"{name} {channel}".strip() for channel in channels),
        "fold": pa.nulls(len(rows), pa.int32()),
        "seed": pa.nulls(len(rows), pa.int32()),
        "emotion": pa.nulls(len(rows), pa.string()),
        "log_probabilities": numbers(np.minimum(row.log_probabilities, 0) for row in rows),
        "predicted": text(str(row.emotion) for row in rows),
        "embedding": numbers(row.embedding for row in rows),
        "begin_s": pa.array([row.begin_s for row in rows], pa.float64()),
        "end_s": pa.array([row.end_s for row in rows], pa.float64()),
        "label": text(row.label(about.min_confidence) for row in rows),
    }
    may_be_null = ("fold", "seed", "emotion")
    fields = [pa.field(name, column.type, nullable=name in may_be_null) for name, column in columns.items()]
    return pa.table(list(columns.values()), schema=pa.schema(fields, {"branch": json.dumps(_branch(about))}))


def _branch(about: About) -> dict[str, Any]:
    return {
        "contract_version": CONTRACT,
        "modality": "audio",
        "model": about.model,
        "protocol": PROTOCOL,
        "classes": [*EMOTIONS],
        "encoder": about.model,
        "sample_rate_hz": about.sample_rate_hz,
        "simulated": False,
        "revision": about.revision,
        "window_s": about.window_s,
        "hop_s": about.hop_s,
    }
