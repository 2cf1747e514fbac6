"""Tables and JSON: written whole or not at all, the same bytes each time."""

import json

import numpy as np
import pandas as pd
import pytest

from ser.storage.files import read_table, replacing, write_json, write_table


@pytest.fixture
def table():
    return pd.DataFrame({"clip": ["01", "b"], "level": [1 / 3, -20.0], "note": ["NA", None], "count": [1, 2]})


def test_a_file_is_replaced_when_the_block_ends(tmp_path):
    path = tmp_path / "deep" / "folder" / "note.txt"
    for text in ("old", "new"):
        with replacing(path) as temporary:
            temporary.write_text(text)
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_the_file_keeps_its_old_content_until_then(tmp_path):
    path = tmp_path / "note.txt"
    path.write_text("old")
    with replacing(path) as temporary:
        temporary.write_text("half of the n")
        assert path.read_text() == "old"


@pytest.mark.parametrize("before", ["old", None])
def test_a_failed_write_leaves_what_was_there_and_no_temporary_file(tmp_path, before):
    path = tmp_path / "note.txt"
    if before:
        path.write_text(before)
    with pytest.raises(RuntimeError, match="power cut"), replacing(path) as temporary:
        temporary.write_text("half of the n")
        raise RuntimeError("power cut")
    assert [file.read_text() for file in tmp_path.iterdir()] == ([before] if before else [])


def test_a_file_that_does_not_fit_the_disk_is_named_with_the_remedy(table, tmp_path, full_disk):
    long = pd.concat([table] * 1000)
    with (
        full_disk(10_000),
        pytest.raises(OSError, match=r"a\.csv: could not be written .*Make room on its disk and run"),
    ):
        write_table(long, tmp_path / "a.csv")
    assert not list(tmp_path.iterdir())


def test_an_error_that_names_its_file_stays_as_it_is(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"directory: .*input\.csv'$"), replacing(tmp_path / "a.csv"):
        (tmp_path / "input.csv").read_text()


def test_json_that_cannot_be_written_leaves_the_old_file(tmp_path):
    write_json({"a": 1}, tmp_path / "a.json")
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_json({"a": object()}, tmp_path / "a.json")
    assert [json.loads(file.read_text()) for file in tmp_path.iterdir()] == [{"a": 1}]


def test_a_table_comes_back_as_it_was_written(table, tmp_path):
    write_table(table, tmp_path / "table.csv")
    back = read_table(tmp_path / "table.csv", ("clip", "level"), clip=str)
    pd.testing.assert_frame_equal(back, table, check_dtype=False, rtol=0, atol=1e-6)


def test_a_table_has_fixed_decimals_no_index_and_unix_line_ends(table, tmp_path):
    write_table(table.set_index(pd.Index([7, 5])), tmp_path / "table.csv", digits=3)
    assert (tmp_path / "table.csv").read_bytes() == b"clip,level,note,count\n01,0.333,NA,1\nb,-20.000,,2\n"


def test_text_that_looks_like_a_missing_value_stays_text(table, tmp_path):
    write_table(table, tmp_path / "table.csv")
    notes = read_table(tmp_path / "table.csv")["note"]
    assert notes[0] == "NA"
    assert pd.isna(notes[1])


def test_missing_columns_are_named_with_the_file_and_what_it_has(table, tmp_path):
    write_table(table, tmp_path / "table.csv")
    with pytest.raises(ValueError, match=r"table\.csv: lacks the columns \['split', 'sex'\]; it has \['clip', 'level'"):
        read_table(tmp_path / "table.csv", ("clip", "split", "sex"))


def test_json_has_sorted_keys_and_ends_with_a_newline(tmp_path):
    write_json({"b": 1, "a": {"d": True, "c": None}}, tmp_path / "a.json")
    assert (tmp_path / "a.json").read_bytes() == b'{\n  "a": {\n    "c": null,\n    "d": true\n  },\n  "b": 1\n}\n'


def test_json_rounds_floats_at_every_depth_and_nothing_else(tmp_path):
    value = {"a": [1 / 3, (2 / 3, {"b": np.float64(1 / 7)})], "n": 12345678901, "yes": True, 3: "1.23456789"}
    write_json(value, tmp_path / "a.json", digits=4)
    back = json.loads((tmp_path / "a.json").read_text())
    assert back == {"a": [0.3333, [0.6667, {"b": 0.1429}]], "n": 12345678901, "yes": True, "3": "1.23456789"}


def test_the_order_of_keys_does_not_change_the_bytes(tmp_path):
    write_json({"a": 1, "b": 2}, tmp_path / "first.json")
    write_json({"b": 2, "a": 1}, tmp_path / "second.json")
    assert (tmp_path / "first.json").read_bytes() == (tmp_path / "second.json").read_bytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a readable table .No columns"),
        (b"a,b\n\xff,2\n", "not a readable table .*utf-8"),
        (b"a,b\n1,2\n1,2,3\n", "not a readable table .*Expected 2 fields in line 3, saw 3"),
        (b"a,b\n0,2,3\n1,5,6\n", "not a readable table .*Length of header"),
        (b"a,b\nx,2\n", "not a readable table .*'x'"),
    ],
)
def test_a_table_that_cannot_be_read_is_named_with_the_reason(tmp_path, content, message):
    (tmp_path / "table.csv").write_bytes(content)
    with pytest.raises(ValueError, match=rf"table\.csv: {message}"):
        read_table(tmp_path / "table.csv", a=float)
