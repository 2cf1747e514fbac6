"""Corpora beside RAVDESS: published names → fields, their manifests, and what is left out."""

import shutil
import sys
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
import pytest
import soundfile

from scripts import manifest
from scripts.demo import ROOT
from ser.corpora.catalogue import CORPORA
from ser.corpora.clips import measure_folder, split_off_others
from ser.corpora.corpus import CorpusError
from ser.corpora.sources import copy_clips, describe_source, locate_clips
from stages import fetch, ingest

# Names as published: the clip's name, emotion, actor and sex
NAMES = {
    "ravdess": ("Actor_12/03-01-06-02-01-02-12.wav", "03-01-06-02-01-02-12", "fearful", 12, "female"),
    "ravdess_song": ("Actor_03/03-02-04-01-01-02-03.wav", "03-02-04-01-01-02-03", "sad", 3, "male"),
    "emodb": ("wav/16b10Wa.wav", "16b10Wa", "angry", "16", "female"),
    "urdu": ("Happy/SF7_F2_H02.wav", "SF7_F2_H02", "happy", "SF7", "female"),
    "crema_d": ("AudioWAV/1076_MTI_SAD_X.wav", "1076_MTI_SAD_X", "sad", 1076, None),
    "tess": ("YAF_pleasant_surprised/YAF_youth_ps.wav", "YAF_youth_ps", "surprised", "YAF", "female"),
    "savee": ("KL/su15.wav", "KL_su15", "surprised", "KL", "male"),
}
REAL = {"emodb": ("emodb_2s.zip", 535, 10), "urdu": ("urdu.zip", 400, 29)}
SHARED = ROOT.parent / "shared/corpora"


@pytest.mark.parametrize("name", NAMES)
def test_published_names_are_parsed(name):
    path, *expected = NAMES[name]
    found = CORPORA[name].parse(PurePosixPath(path))
    assert [found.clip, found.emotion, found.actor, found.sex] == expected


@pytest.mark.parametrize("name", CORPORA)
def test_every_corpus_says_where_it_is_from_and_parses_its_own_layout(name):
    corpus = CORPORA[name]
    assert corpus.parse(PurePosixPath(corpus.layout)).emotion
    assert all((corpus.title, corpus.home, corpus.licence, corpus.citation))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("other", ["notes.txt", "wav/99x99Qa.wav", "03-03-01-01-01-01-01.wav", "DC/x01.wav"])
def test_other_names_are_refused_with_one_that_would_do(name, other):
    with pytest.raises(ValueError, match=r"expected a (name|path) like |channel 03 is none of"):
        CORPORA[name].parse(PurePosixPath(other))


@pytest.fixture
def emodb(tmp_path, monkeypatch) -> Path:
    """A folder with a few clips of EMO-DB's names as FLAC, one of them boredom, and a project to bring them into."""
    source = tmp_path / "copy"
    source.mkdir()
    noise = np.random.default_rng(0).normal(0, 0.1, (7, 16000))
    for letter, samples in zip("WLEAFTN", noise, strict=True):
        soundfile.write(source / f"03a01{letter}a.flac", samples, 16000)
    (source / "readme.txt").write_text("not a sound")
    (tmp_path / "project/data").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("EMODB_SOURCE", str(source))
    Path("params.yaml").write_text("corpus: {name: emodb}\nsynthetic: {actors: 1, seed: 1}\n", encoding="utf-8")
    return source


def make_manifest(monkeypatch, name: str = "emodb") -> None:
    monkeypatch.setattr(sys, "argv", ["manifest", name])
    manifest.main()


def test_a_manifest_is_made_once_and_every_clip_is_checked_against_it(emodb, monkeypatch, capsys):
    with pytest.raises(SystemExit, match=r"no such manifest. `python -m scripts\.manifest emodb` makes it"):
        fetch.main()
    make_manifest(monkeypatch)
    fetch.main()
    assert "7 clips of EMO-DB in data/raw, every MD5 right" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="is there already"):
        make_manifest(monkeypatch)
    soundfile.write(emodb / "03a01Fa.flac", np.zeros(16000), 16000)
    with pytest.raises(SystemExit, match=r"03a01Fa\.flac: altered"):
        fetch.main()


def test_emotions_outside_the_eight_are_counted_and_missing_ones_named(emodb, monkeypatch, capsys):
    make_manifest(monkeypatch)
    fetch.main()
    with pytest.raises(SystemExit, match="has no clips of calm, surprised; every model learns all 8"):
        ingest.main()
    assert "left out: 1 clips of boredom, none of the eight emotions" in capsys.readouterr().out


def test_a_corpus_that_is_not_downloaded_says_where_to_get_it(emodb, monkeypatch):
    make_manifest(monkeypatch)
    monkeypatch.delenv("EMODB_SOURCE")
    with pytest.raises(SystemExit, match=r"EMO-DB is not downloaded. Get it from http.*EMODB_SOURCE=/path/to/it"):
        fetch.main()


def test_sounds_of_other_names_make_no_manifest(emodb, monkeypatch):
    shutil.copy(emodb / "03a01Fa.flac", emodb / "song.flac")
    (emodb / "again").mkdir()
    shutil.copy(emodb / "03a01Fa.flac", emodb / "again/03a01Fa.flac")
    message = r"no copy of EMO-DB:\n  again/03a01Fa\.flac: there twice\n  song\.flac: expected a name like 03a01Fa"
    with pytest.raises(SystemExit, match=message):
        make_manifest(monkeypatch)
    assert not Path("data/manifests").exists()


def test_clips_that_share_names_are_told_apart_by_their_folders():
    clips = {PurePosixPath(speaker, "a01.wav"): "0" * 32 for speaker in ("DC", "JE")}
    found, extra = locate_clips(["AudioData/JE/a01.wav", "AudioData/DC/a01.wav", "AudioData/XX/a01.wav"], clips)
    assert {str(path): members for path, members in found.items()} == {
        "DC/a01.wav": ["AudioData/DC/a01.wav"],
        "JE/a01.wav": ["AudioData/JE/a01.wav"],
    }
    assert extra == ["AudioData/XX/a01.wav"]


@pytest.mark.parametrize("name", REAL)
def test_real_copies_are_read_whole(name, tmp_path):
    archive, clips, speakers = REAL[name]
    if not (SHARED / archive).exists():
        pytest.skip("no copy of the corpus beside the repository")
    corpus = CORPORA[name]
    found = describe_source(SHARED / archive, corpus)
    copy_clips(SHARED / archive, found, tmp_path)
    table, others = split_off_others(measure_folder(tmp_path, corpus))
    assert (len(table) + others.sum(), table["actor"].nunique()) == (clips, speakers)
    assert others.to_dict() == ({"boredom": 81} if name == "emodb" else {})
    assert table["sex"].notna().all() and isinstance(table, pd.DataFrame)


def test_an_empty_folder_is_no_copy(tmp_path):
    with pytest.raises(CorpusError, match="no sound in it"):
        describe_source(tmp_path, CORPORA["urdu"])
