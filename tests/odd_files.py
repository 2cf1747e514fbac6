"""What may stand in files: params, names, bytes, tables and branches, as careless hands or bad disks leave them."""

import json
import os
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from fusion.contract import ABOUT_KEY, COLUMNS
from scripts.demo import ROOT
from tests.test_contract import FULL_ABOUT
from tests.test_yaml12 import PARAMS, TRAPS

COMMITTED = {path: (ROOT / path).read_text(encoding="utf-8").splitlines() for path in PARAMS}
ODD_YAML = ["", "[", "{a: 1}", "[1, x]", "-1", "1e999", "-.inf", ".nan", "!!int x", "&a [*a]", "*b", "<<", "!!bool x"]
VALUES = st.sampled_from([*TRAPS, *ODD_YAML]) | st.integers().map(str) | st.floats().map(repr) | st.text(max_size=8)

CODES = st.sampled_from([*(f"{number:02}" for number in range(12)), "24", "25", "²²", "١٢", "1", "", "-1", "0 1"])
NAMES = st.one_of(
    st.lists(CODES, min_size=6, max_size=8).map(lambda codes: "-".join(codes) + ".wav"),
    st.binary(min_size=1, max_size=40).map(os.fsdecode),
    st.text(min_size=1, max_size=30),
).filter(lambda name: not {"/", "\0"} & set(name) and name not in (".", ".."))

ODD_CELLS = ["", "nan", "inf", "-1", "1e400", "0.5", "sad", "train", "female", "1,2", '"', "True", "01"]
CELLS = st.sampled_from(ODD_CELLS) | st.integers().map(str) | st.text(max_size=6)

KINDS = [pa.string(), pa.large_string(), pa.int64(), pa.float32(), pa.bool_(), pa.list_(pa.float32()), pa.null()]
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)


def mutated(content: bytes, head: int | None = None) -> st.SearchStrategy[bytes]:
    """Content with some bytes of its first `head` ones changed, and maybe its end cut off."""
    places = st.integers(0, min(head or len(content), len(content)) - 1)
    edits = st.lists(st.tuples(places, st.integers(0, 255) | st.sampled_from([0, 0x7F, 0x80, 0xFF])), max_size=8)

    def apply(edits: list[tuple[int, int]], end: int) -> bytes:
        changed = bytearray(content)
        for place, value in edits:
            changed[place] = value
        return bytes(changed[:end])

    return st.builds(apply, edits, st.just(len(content)) | st.integers(0, len(content)))


@st.composite
def edited_params(draw: st.DrawFn) -> str:
    """A committed params file after one to three edits."""
    lines = list(COMMITTED[draw(st.sampled_from(PARAMS))])
    for _ in range(draw(st.integers(1, 3))):
        index = draw(st.integers(0, len(lines) - 1))
        line = lines[index]
        match draw(st.sampled_from(["value", "value", "value", "repeat", "remove", "indent", "insert"])):
            case "value":
                lines[index] = f"{line.partition(':')[0]}: {draw(VALUES)}"
            case "repeat":
                lines.insert(index, line)
            case "remove":
                lines[index] = ""
            case "indent":
                lines[index] = " " * draw(st.integers(1, 3)) + line
            case "insert":
                lines.insert(index, draw(st.text(max_size=20)))
    return "\n".join(lines)


@st.composite
def edited_table(draw: st.DrawFn, table: bytes) -> bytes:
    """A CSV table after one to four edits of cells, columns and rows."""
    rows = [line.split(",") for line in table.decode().splitlines()]
    for _ in range(draw(st.integers(1, 4))):
        row, column = draw(st.integers(0, len(rows) - 1)), draw(st.integers(0, len(rows[0]) - 1))
        match draw(st.sampled_from(["cell", "cell", "header", "column", "row", "again"])):
            case "cell":
                rows[row][column] = draw(CELLS)
            case "header":
                rows[0][column] = draw(CELLS)
            case "column":
                value = draw(CELLS)
                rows = [[*cells[:column], value, *cells[column + 1 :]] for cells in rows]
            case "row" if len(rows) > 1:
                del rows[row]
            case "again":
                rows.insert(row, list(rows[row]))
    return "\n".join(",".join(row) for row in rows).encode("utf-8", "surrogatepass")


def odd_table(table: bytes) -> st.SearchStrategy[bytes]:
    return edited_table(table) | mutated(table) | st.binary()


def parquet_of(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    return sink.getvalue().to_pybytes()


def odd_branch(branch: pa.Table) -> st.SearchStrategy[bytes]:
    return edited_branch(branch) | mutated(parquet_of(branch)) | st.binary()


@st.composite
def edited_branch(draw: st.DrawFn, branch: pa.Table) -> bytes:
    """A branch after one to three edits of columns, values, rows and metadata."""
    for _ in range(draw(st.integers(1, 3))):
        index = draw(st.integers(0, len(branch.column_names) - 1))
        branch = draw(st.sampled_from(EDITS))(draw, branch, index)
    return parquet_of(branch)


def _retype(draw: st.DrawFn, branch: pa.Table, index: int) -> pa.Table:
    return branch.set_column(index, branch.field(index).name, pa.nulls(len(branch), draw(st.sampled_from(KINDS))))


def _empty(draw: st.DrawFn, branch: pa.Table, index: int) -> pa.Table:
    return _with_values(branch, index, [value if draw(st.booleans()) else None for value in branch[index].to_pylist()])


def _revalue(draw: st.DrawFn, branch: pa.Table, index: int) -> pa.Table:
    values = branch[index].to_pylist()
    if values and isinstance(values[-1], str):
        values[-1] = draw(st.text(max_size=5))
    elif values and isinstance(values[-1], list):
        values[-1] = [draw(st.floats(width=32) | st.none()) for _ in values[-1]]
    return _with_values(branch, index, values)


def _rename(draw: st.DrawFn, branch: pa.Table, index: int) -> pa.Table:
    names = list(branch.column_names)
    names[index] = draw(st.sampled_from([*COLUMNS, "x"]))
    return branch.rename_columns(names)


def _remove(draw: st.DrawFn, branch: pa.Table, index: int) -> pa.Table:
    return branch.remove_column(index) if len(branch.column_names) > 1 else branch


def _repeat(draw: st.DrawFn, branch: pa.Table, index: int) -> pa.Table:
    return branch.append_column(branch.field(index).name, branch[index])


def _cut(draw: st.DrawFn, branch: pa.Table, index: int) -> pa.Table:
    return branch.slice(0, draw(st.integers(0, len(branch))))


def _describe(draw: st.DrawFn, branch: pa.Table, index: int) -> pa.Table:
    changes = st.dictionaries(st.sampled_from([*FULL_ABOUT, "x"]), JSON)
    changed = changes.map(lambda changes: json.dumps(FULL_ABOUT | changes))
    return branch.replace_schema_metadata({ABOUT_KEY: draw(changed | st.binary() | JSON.map(json.dumps))})


def _with_values(branch: pa.Table, index: int, values: list) -> pa.Table:
    return branch.set_column(index, branch.field(index).name, pa.array(values, branch.field(index).type))


EDITS: list[Callable[[st.DrawFn, pa.Table, int], pa.Table]] = [
    _retype,
    _empty,
    _revalue,
    _rename,
    _remove,
    _repeat,
    _cut,
    _describe,
]
