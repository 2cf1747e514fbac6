"""A corpus of one's own from a CSV table: what is read, what is refused, and what works without speakers."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from ser.corpora.any_table import copy_table, has_speakers, measure_table, read_table
from ser.corpora.clips import split_off_others
from ser.corpora.corpus import CorpusError


def sound(path: Path, seed: int = 0, rate_hz: int = 22050) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.default_rng(seed).normal(0, 0.1, rate_hz // 2), rate_hz)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Three clips in folders, of two rates, as WAV and FLAC."""
    for index, (name, rate_hz) in enumerate((("a/one.flac", 48000), ("b/two.wav", 8000), ("b/three.WAV", 16000))):
        sound(tmp_path / name, index, rate_hz)
    return tmp_path


def table(folder: Path, text: str) -> Path:
    path = folder / "corpus.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_becomes_clips_of_any_rate_and_format(folder):
    source = table(
        folder,
        "\ufeffPath, emotion, speaker, sex, notes\na/one.flac, Happy, x, female, -\nb/two.wav,boredom,y,,-\n\n"
        "b/three.WAV,sad,x,female,-\n",
    )
    copy_table(source, folder / "copy")
    clips = measure_table("mine", folder / "copy")
    known, others = split_off_others(clips)
    known = known.set_index("clip")
    assert known["emotion"].to_dict() == {"one": "happy", "three": "sad"}
    assert known["actor"].to_dict() == {"one": "x", "three": "x"}
    assert known["sample_rate_hz"].to_dict() == {"one": 48000, "three": 16000}
    assert others.to_dict() == {"boredom": 1}
    assert clips["sex"].isna().tolist() == [False, False, True]
    assert has_speakers(clips) and "split" not in clips


def test_without_speakers_each_clip_is_one_of_its_own(folder):
    copy_table(table(folder, "path,emotion\na/one.flac,happy\nb/two.wav,sad\n"), folder / "copy")
    clips = measure_table("mine", folder / "copy")
    assert clips["actor"].tolist() == clips["clip"].tolist() == ["one", "two"]
    assert not has_speakers(clips)


def test_a_split_is_kept(folder):
    source = table(folder, "path,emotion,split\na/one.flac,happy,Train\nb/two.wav,sad,test\n")
    copy_table(source, folder / "copy")
    clips = measure_table("mine", folder / "copy").set_index("clip")
    assert clips["split"].to_dict() == {"one": "train", "two": "test"}
    assert all((folder / "copy" / path).is_file() for path in clips["path"])


def test_clips_of_one_name_are_named_by_their_folders(folder):
    sound(folder / "b/one.flac", 5)
    rows = read_table(table(folder, "path,emotion\na/one.flac,happy\nb/one.flac,sad\n"))
    assert rows["clip"].tolist() == ["a_one", "b_one"]


def test_names_that_cannot_be_told_apart_are_listed(folder):
    sound(folder / "a_b/c.wav")
    sound(folder / "a/b_c.wav")
    sound(folder / "c/b_c.wav")
    with pytest.raises(CorpusError, match=r"cannot tell apart a_b/c\.wav, a/b_c\.wav; rename some"):
        read_table(table(folder, "path,emotion\na_b/c.wav,sad\na/b_c.wav,sad\nc/b_c.wav,sad\n"))


def test_absolute_paths_are_taken(folder):
    rows = read_table(table(folder, f"path,emotion\n{folder}/a/one.flac,happy\n"))
    assert rows["clip"].tolist() == ["one"]


def test_all_offenders_are_listed_at_once(folder):
    (folder / "notes.txt").write_text("no sound")
    source = table(
        folder,
        "path,emotion,speaker,sex,split\n"
        "a/one.flac,happy,x,male,train\n"
        "a/one.flac,happy,x,male,train\n"
        "gone.wav,sad,,man,later\n"
        "notes.txt,,x,female,\n"
        ",sad,x,,test\n",
    )
    with pytest.raises(CorpusError) as error:
        read_table(source)
    for line in (
        "no path: '' in row 5",
        "neither .wav nor .flac: 'notes.txt' in row 4",
        "path there twice: 'a/one.flac' in row 2",
        "no such file: 'gone.wav' in row 3",
        "no emotion: 'notes.txt' in row 4",
        "sex is none of female, male: 'man' in row 3",
        "split is none of train, val, test: 'later' in row 3, '' in row 4",
        "no speaker, while others have one; name all, or leave the column out: 'gone.wav' in row 3",
    ):
        assert f"\n  {line}" in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,label\na/one.flac,happy\n", r"lacks the columns \['path', 'emotion'\]; it has \['file', 'label'\]"),
        ("path;emotion\na/one.flac;happy\n", r"lacks the columns"),
        ("path,emotion\n", "it has no rows"),
        ("", "lacks the columns"),
        ("path,emotion\na/one.flac,happy,extra\nb/two.wav\n", "expected 2 cells a row.*row 1, row 2"),
        ("path,emotion,path\na/one.flac,happy,x\n", "a column twice"),
        (
            "path,emotion\na/one.flac,joy\n",
            "no clip has one of the emotions neutral, .*rename those that mean the same",
        ),
    ],
)
def test_an_unusable_table_says_why(folder, text, message):
    with pytest.raises(CorpusError, match=message):
        read_table(table(folder, text))


def test_another_encoding_is_named(folder):
    (folder / "corpus.csv").write_bytes("path,emotion\nä.wav,sad\n".encode("latin-1"))
    with pytest.raises(CorpusError, match="not a CSV table in UTF-8"):
        read_table(folder / "corpus.csv")


def test_unusable_clips_are_listed_by_name(folder):
    (folder / "a/one.flac").write_bytes(b"")
    copy_table(table(folder, "path,emotion\na/one.flac,happy\nb/two.wav,sad\n"), folder / "copy")
    sound(folder / "copy/clips/new.wav")
    with pytest.raises(
        CorpusError, match=r"2 files.*\n  new\.wav: expected one of the 2 clips.*\n  one\.flac: unreadable"
    ):
        measure_table("mine", folder / "copy")
