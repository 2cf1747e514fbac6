"""RAVDESS file names → fields."""

from pathlib import Path, PurePosixPath

import pytest

from ser.corpora.emotions import EMOTIONS
from ser.corpora.ravdess import ClipName, all_names, parse_name


def test_every_field_of_a_name_is_parsed():
    name = parse_name(PurePosixPath("Actor_12/03-01-06-02-01-02-12.wav"))
    assert name == ClipName("03-01-06-02-01-02-12", "fearful", "strong", statement=1, repetition=2, actor=12)
    assert name.sex == "female"


@pytest.mark.parametrize(("code", "emotion"), list(enumerate(EMOTIONS, start=1)))
def test_emotion_codes_follow_the_order_of_emotions(code, emotion):
    assert parse_name(PurePosixPath(f"Actor_01/03-01-{code:02}-01-01-01-01.wav")).emotion == emotion


@pytest.mark.parametrize(("actor", "sex"), [(1, "male"), (2, "female"), (23, "male"), (24, "female")])
def test_odd_actors_are_male_and_even_ones_female(actor, sex):
    assert parse_name(PurePosixPath(f"Actor_{actor:02}/03-01-01-01-02-01-{actor:02}.wav")).sex == sex


def test_folders_above_the_actor_do_not_matter():
    assert parse_name(Path("/some/where/Actor_01/03-01-05-01-01-01-01.wav")).emotion == "angry"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("Actor_01/README.md", "seven two-digit fields"),
        ("Actor_01/03-01-01-01-01-01-01.mp3", "seven two-digit fields"),
        ("Actor_01/03-01-01-01-01-01.wav", "seven two-digit fields"),
        ("Actor_01/03-01-01-01-01-01-01-01.wav", "seven two-digit fields"),
        ("Actor_01/03-01-1-01-01-01-01.wav", "seven two-digit fields"),
        ("Actor_01/03-01-xx-01-01-01-01.wav", "seven two-digit fields"),
        ("Actor_01/01-01-01-01-01-01-01.wav", r"modality 01 is none of \['03'\]"),
        ("Actor_01/03-02-01-01-01-01-01.wav", "channel 02 is none of"),
        ("Actor_01/03-01-09-01-01-01-01.wav", "emotion 09 is none of"),
        ("Actor_01/03-01-00-01-01-01-01.wav", "emotion 00 is none of"),
        ("Actor_01/03-01-02-03-01-01-01.wav", "intensity 03 is none of"),
        ("Actor_01/03-01-02-01-03-01-01.wav", "statement 03 is none of"),
        ("Actor_01/03-01-02-01-01-03-01.wav", "repetition 03 is none of"),
        ("Actor_25/03-01-02-01-01-01-25.wav", "actor 25 is not within 01 to 24"),
        ("Actor_00/03-01-02-01-01-01-00.wav", "actor 00 is not within 01 to 24"),
        ("Actor_01/03-01-01-02-01-01-01.wav", "neutral has no strong intensity"),
        ("Actor_02/03-01-02-01-01-01-01.wav", "belongs in Actor_01, found in Actor_02"),
        ("03-01-02-01-01-01-01.wav", "belongs in Actor_01"),
    ],
)
def test_a_name_that_does_not_fit_is_refused(path, message):
    with pytest.raises(ValueError, match=message):
        parse_name(PurePosixPath(path))


def test_all_wrong_fields_are_named_at_once():
    with pytest.raises(ValueError, match=r"modality 02 .*; channel 02 .*; actor 30 "):
        parse_name(PurePosixPath("Actor_30/02-02-02-01-01-01-30.wav"))


def test_all_names_make_the_complete_corpus():
    names = all_names()
    assert names == sorted(set(names))
    assert len(names) == 1440
    emotions = [parse_name(path).emotion for path in names]
    assert [emotions.count(emotion) for emotion in EMOTIONS] == [96] + 7 * [192]


def test_fewer_actors_are_the_first_of_all():
    assert all_names(2) == all_names()[:120]
