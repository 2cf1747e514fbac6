"""What `ser predict` writes, opened by an independent reader of each format."""

import csv
import io
import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import webvtt
from jsonschema import Draft202012Validator
from matplotlib import image
from praatio import textgrid

from fusion.branches import read_about, read_branch, read_column
from scripts.demo import ROOT
from ser.corpora.emotions import EMOTIONS
from ser.inference.outputs.about import About
from ser.inference.outputs.formats import print_found, write_file, write_folder
from ser.inference.outputs.merging import merge
from ser.inference.outputs.table import clock
from ser.inference.rows import Heard, Problem, Row
from ser.inference.timeline import draw

ABOUT = About("tiny", "0123456789ab", "CC BY-NC-SA 4.0", 16_000, 3.0, 1.0, 0.5)
SCHEMA = json.loads((ROOT / "docs/predict.schema.json").read_text(encoding="utf-8"))


def row(begin_s: float, end_s: float, emotion: str | None = None, sure: float = 0.8, channel: int | None = None) -> Row:
    if emotion is None:
        return Row(begin_s, end_s, channel)
    probabilities = np.where(np.array(EMOTIONS) == emotion, sure, (1 - sure) / 7)
    embedding = np.array([begin_s, sure], np.float32)
    return Row(begin_s, end_s, channel, np.log(probabilities).astype(np.float32), embedding)


ROWS = [row(0, 1.5), row(1.5, 2.5, "angry"), row(2.5, 3.5, "angry", 0.6), row(3.5, 4.25, "sad", 0.3), row(4.25, 7)]
CALL = Heard("calls/one.wav", 7.0, 48_000, 2, ROWS, np.array([[-0.1, 0.1]] * 140, np.float32))
CLIP = Heard("clips/two.wav", 2.0, 16_000, 1, [row(0, 2, "happy")])
QUIET = Heard("clips/quiet.wav", 2.0, 16_000, 1, [row(0, 2)])
APART = Heard(
    "calls/apart.wav", 2.0, 8_000, 2, [row(0, 2, "calm", channel=0), row(0, 1, channel=1), row(1, 2, "sad", channel=1)]
)
BAD = Problem("bad.wav", "cut short", "Copy it again")
ALL = [CALL, CLIP, QUIET, APART, BAD]


def printed(name: str, found: list) -> str:
    file = io.StringIO()
    print_found(name, iter(found), ABOUT, file)
    return file.getvalue()


def test_neighbours_with_one_label_are_joined():
    parts = merge(ROWS, 0.5)
    assert [(part.begin_s, part.end_s, part.label) for part in parts] == [
        (0, 1.5, "no speech"),
        (1.5, 3.5, "angry"),
        (3.5, 4.25, "uncertain"),
        (4.25, 7, "no speech"),
    ]
    assert parts[1].confidence == pytest.approx(0.7)


def test_json_follows_its_schema_and_holds_every_row():
    document = json.loads(printed("json", ALL))
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(document)
    assert [len(one["rows"]) for one in document["recordings"]] == [5, 1, 1, 3]
    assert document["problems"] == [{"recording": "bad.wav", "reason": "cut short", "remedy": "Copy it again"}]
    angry = document["recordings"][0]["rows"][1]
    assert angry["label"] == "angry"
    assert angry["probabilities"]["angry"] == pytest.approx(0.8, abs=1e-6)
    assert [one["channel"] for one in document["recordings"][3]["rows"]] == [1, 2, 2]


def test_json_without_recordings_follows_its_schema():
    Draft202012Validator(SCHEMA).validate(json.loads(printed("json", [BAD])))


@pytest.mark.parametrize("change", [{"label": "joyful"}, {"confidence": 2}, {"probabilities": {"angry": 1}}])
def test_the_schema_refuses_what_is_wrong(change):
    document = json.loads(printed("json", [CLIP]))
    document["recordings"][0]["rows"][0] |= change
    assert not Draft202012Validator(SCHEMA).is_valid(document)


def test_each_json_line_follows_the_schema_of_lines():
    lines = printed("jsonl", ALL).splitlines()
    validator = Draft202012Validator(SCHEMA | {"$ref": "#/$defs/line", "required": [], "properties": {}})
    for line in lines:
        validator.validate(json.loads(line))
    assert len(lines) == 10


def test_csv_has_a_line_a_row():
    rows = list(csv.DictReader(io.StringIO(printed("csv", ALL))))
    assert len(rows) == 10
    assert [one["label"] for one in rows[:5]] == ["no speech", "angry", "angry", "uncertain", "no speech"]
    assert rows[3]["emotion"] == "sad"
    assert rows[0]["angry"] == rows[0]["confidence"] == ""
    assert sum(float(rows[1][emotion]) for emotion in EMOTIONS) == pytest.approx(1, abs=1e-5)


def test_the_table_shows_each_part():
    lines = printed("table", ALL).splitlines()
    assert lines[1] == "calls/one.wav"
    assert lines[3].split() == ["0:01.50", "0:03.50", "angry", "70%", *["4", "4", "4", "4", "70", "4", "4", "4"]]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00.00"), (59.999, "1:00.00"), (75.25, "1:15.25"), (3675, "1:01:15.00")]
)
def test_times_are_written_as_on_a_clock(seconds, text):
    assert clock(seconds) == text


def test_parquet_keeps_the_contract_of_fusion(tmp_path):
    write_file("parquet", iter(ALL), ABOUT, tmp_path / "a.parquet")
    table = read_branch(tmp_path / "a.parquet")
    assert table["utterance"].to_pylist() == [
        "one#t=1.500,2.500",
        "one#t=2.500,3.500",
        "one#t=3.500,4.250",
        "two",
        "apart#t=0.000,2.000&channel=1",
        "apart#t=1.000,2.000&channel=2",
    ]
    np.testing.assert_allclose(read_column(table, "log_probabilities")[3], CLIP.rows[0].log_probabilities, atol=1e-6)
    assert read_about(table)["modality"] == "audio"
    assert read_column(table, "embedding").shape == (6, 2)


def test_parquet_names_recordings_of_one_name_apart(tmp_path):
    other = Heard("more/two.wav", 2.0, 16_000, 1, CLIP.rows)
    write_file("parquet", iter([CLIP, other]), ABOUT, tmp_path / "a.parquet")
    assert read_branch(tmp_path / "a.parquet")["utterance"].to_pylist() == ["two", "more/two.wav"]


def test_parquet_without_speech_is_an_error_and_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="there is no speech in what was heard"):
        write_file("parquet", iter([QUIET]), ABOUT, tmp_path / "a.parquet")
    assert list(tmp_path.iterdir()) == []


def test_textgrid_is_read_by_praatio(tmp_path):
    write_file("textgrid", [CALL], ABOUT, tmp_path / "a.TextGrid")
    grid = textgrid.openTextgrid(str(tmp_path / "a.TextGrid"), includeEmptyIntervals=True)
    entries = [tuple(entry) for entry in grid.getTier("emotion").entries]
    assert entries == [(0, 1.5, ""), (1.5, 3.5, "angry 70%"), (3.5, 4.25, "uncertain 30%"), (4.25, 7, "")]


def test_textgrid_has_a_tier_a_channel(tmp_path):
    write_file("textgrid", [APART], ABOUT, tmp_path / "a.TextGrid")
    grid = textgrid.openTextgrid(str(tmp_path / "a.TextGrid"), includeEmptyIntervals=False)
    assert grid.tierNames == ("channel 1", "channel 2")
    assert [tuple(entry) for entry in grid.getTier("channel 2").entries] == [(1, 2, "sad 80%")]


def test_subtitles_are_read_by_webvtt(tmp_path):
    write_file("vtt", [CALL], ABOUT, tmp_path / "a.vtt")
    cues = [(cue.start, cue.end, cue.text) for cue in webvtt.read(str(tmp_path / "a.vtt"))]
    assert cues == [
        ("00:00:01.500", "00:00:03.500", "angry 70%"),
        ("00:00:03.500", "00:00:04.250", "uncertain 30%"),
    ]


def test_subtitles_of_channels_have_voices(tmp_path):
    write_file("vtt", [APART], ABOUT, tmp_path / "a.vtt")
    assert [cue.voice for cue in webvtt.read(str(tmp_path / "a.vtt"))] == ["channel 1", "channel 2"]


def test_labels_for_audacity_have_begin_end_and_text():
    lines = [line.split("\t") for line in printed("audacity", [CALL]).splitlines()]
    assert [(float(begin), float(end), text) for begin, end, text in lines] == [
        (0, 1.5, "no speech"),
        (1.5, 3.5, "angry 70%"),
        (3.5, 4.25, "uncertain 30%"),
        (4.25, 7, "no speech"),
    ]


def test_formats_of_one_recording_are_a_file_each_in_a_folder(tmp_path):
    names = ["calls/one.wav", "other/one.wav", "clips/two.wav"]
    found = [CALL, Heard("other/one.wav", 2.0, 16_000, 1, CLIP.rows), CLIP]
    write_folder("vtt", found, ABOUT, tmp_path / "out", names)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "calls_one.wav.vtt",
        "other_one.wav.vtt",
        "two.vtt",
    ]


@pytest.mark.parametrize("heard", [CALL, APART, CLIP, QUIET], ids=lambda heard: heard.name)
def test_pictures_are_drawn_as_png_and_svg(tmp_path, heard):
    draw(heard, ABOUT, tmp_path / "a.png")
    draw(heard, ABOUT, tmp_path / "a.svg")
    assert image.imread(tmp_path / "a.png").std() > 0.05
    assert ElementTree.parse(tmp_path / "a.svg").getroot().tag.endswith("svg")


def test_the_axes_of_a_picture_are_labelled(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("matplotlib").rcParams, "svg.fonttype", "none")
    draw(CALL, ABOUT, tmp_path / "a.svg")
    text = Path(tmp_path / "a.svg").read_text(encoding="utf-8")
    for expected in ("amplitude", "probability", "time (s)", *EMOTIONS, "one.wav, heard by tiny"):
        assert expected in text
