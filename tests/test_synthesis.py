"""The synthetic corpus: named like RAVDESS, the same on every run, different by emotion, actor and statement."""

import numpy as np
import pytest
import soundfile

from ser.corpora.clips import measure_folder
from ser.corpora.emotions import EMOTIONS
from ser.corpora.ravdess import RAVDESS, ClipName, all_names, parse_name
from ser.corpora.synthesis import (
    DELIVERIES,
    HOP,
    PHONES,
    SAMPLE_RATE_HZ,
    STATEMENTS,
    VOICE_RATE_HZ,
    SyntheticCorpus,
    draw_delivery,
    draw_voice,
    pitch_contour,
    pulse_train,
    resonate,
    synthesise_clip,
    write_corpus,
)
from ser.storage.params import ParamsError, build


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    assert write_corpus(SyntheticCorpus(actors=2, seed=7), folder) == 120
    return folder


@pytest.fixture(scope="module")
def clips(corpus):
    return measure_folder(corpus, RAVDESS)


def name_of(emotion: str, intensity: str = "normal", actor: int = 1, statement: int = 1) -> ClipName:
    code = EMOTIONS.index(emotion) + 1
    level = {"normal": 1, "strong": 2}[intensity]
    stem = f"03-01-{code:02}-{level:02}-{statement:02}-01-{actor:02}"
    return ClipName(stem, emotion, intensity, statement, 1, actor)


def test_the_corpus_has_the_names_of_ravdess(clips):
    assert list(clips["path"]) == [str(path) for path in all_names(2)]


def test_clips_have_the_format_and_length_of_ravdess(corpus, clips):
    assert set(clips["sample_rate_hz"]) == {48_000}
    assert set(clips["channels"]) == {1}
    assert clips["duration_s"].between(3.0, 5.0).all()
    assert soundfile.info(corpus / clips["path"][0]).subtype == "PCM_16"


def test_all_clips_differ_and_none_is_clipped(clips):
    assert clips["duplicate_of"].isna().all()
    assert (clips["peak_dbfs"] < -0.1).all()


def test_the_same_seed_gives_the_same_bytes_and_more_actors_only_add(corpus, tmp_path):
    write_corpus(SyntheticCorpus(actors=1, seed=7), tmp_path)
    paths = all_names(1)
    assert [(tmp_path / path).read_bytes() for path in paths] == [(corpus / path).read_bytes() for path in paths]
    assert not (tmp_path / "Actor_02").exists()


def test_another_seed_gives_another_voice():
    name = name_of("neutral")
    assert draw_voice(1, "male", seed=7) != draw_voice(1, "male", seed=8)
    assert synthesise_clip(name, 7)[:100].tolist() != synthesise_clip(name, 8)[:100].tolist()


def test_speech_lies_between_silences(corpus):
    samples, rate = soundfile.read(corpus / "Actor_01" / "03-01-05-02-01-01-01.wav")
    level = np.sqrt(np.mean(samples[: len(samples) // 100 * 100].reshape(100, -1) ** 2, axis=1))
    assert level[:10].max() < 0.001 < 0.01 < level.max()
    assert level[-10:].max() < 0.001
    assert len(samples) / rate >= 3.0


def test_levels_follow_emotion_and_intensity(clips):
    level = clips.groupby(["emotion", "intensity"])["rms_dbfs"].mean()
    assert level["angry", "normal"] > level["neutral", "normal"] + 5 > level["calm", "normal"] + 5
    assert level["angry", "strong"] > level["angry", "normal"] + 2


def mean_pitch_hz(emotion: str, actor: int) -> float:
    """The mean pitch of twenty ways in which an actor says something."""
    rng = np.random.default_rng(0)
    name = name_of(emotion, actor=actor)
    voice = draw_voice(actor, name.sex, seed=7)
    deliveries = [draw_delivery(name, voice.expression, rng) for _ in range(20)]
    return np.mean([pitch_contour(50, voice, delivery, rng).mean() for delivery in deliveries])


def test_pitch_follows_emotion_and_sex():
    male, female = ({emotion: mean_pitch_hz(emotion, actor) for emotion in EMOTIONS} for actor in (1, 2))
    for pitch in (male, female):
        assert pitch["fearful"] > 1.2 * pitch["neutral"]
        assert pitch["calm"] < pitch["neutral"] < pitch["angry"]
    assert all(female[emotion] > male[emotion] for emotion in EMOTIONS)


def test_speech_is_slower_when_sad_than_when_fearful():
    sad, fearful = (len(synthesise_clip(name_of(emotion, "strong"), 7)) for emotion in ("sad", "fearful"))
    assert sad > fearful


def test_deliveries_cover_the_emotions_and_go_further_when_strong():
    assert tuple(DELIVERIES) == EMOTIONS
    rng = np.random.default_rng(0)
    drawn = {
        intensity: np.mean([draw_delivery(name_of("angry", intensity), 1.0, rng) for _ in range(200)], axis=0)
        for intensity in ("normal", "strong")
    }
    level = 4
    assert drawn["strong"][level] > drawn["normal"][level] + 3


@pytest.mark.parametrize("statement", STATEMENTS)
def test_statements_are_made_of_known_phones(statement):
    assert set(STATEMENTS[statement].split()) <= set(PHONES)


@pytest.mark.parametrize("pitch", [100.0, 220.0, 400.0])
def test_pulses_have_the_pitch_and_unit_power(pitch):
    pulses = pulse_train(np.full(200, pitch), jitter=0.0, rng=np.random.default_rng(0))
    seconds = len(pulses) / VOICE_RATE_HZ
    assert np.count_nonzero(pulses) == pytest.approx(pitch * seconds, abs=1)
    assert np.mean(pulses**2) == pytest.approx(1.0, rel=0.02)


def test_resonances_lie_at_the_formants():
    noise = np.random.default_rng(0).standard_normal(200 * HOP)
    formants = np.tile([500.0, 1500.0, 2500.0, 3500.0], (200, 1))
    out = resonate(noise, formants, tilt_db=0.0)
    spectrum = np.mean(np.abs(np.fft.rfft(out[: len(out) // 4800 * 4800].reshape(-1, 4800))), axis=0)
    hz = SAMPLE_RATE_HZ / 4800
    for formant in formants[0]:
        near = spectrum[int((formant - 300) / hz) : int((formant + 300) / hz)]
        assert formant - 300 + hz * near.argmax() == pytest.approx(formant, abs=80)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"actors": 0, "seed": 7}, "actors is 0; allowed: 1 to 24"),
        ({"actors": 25, "seed": 7}, "actors is 25"),
        ({"actors": 8, "seed": -1}, "seed is -1; allowed: 0 or more"),
        ({"actors": 8}, "synthetic.seed: missing"),
        ({"actors": 8, "seed": 7, "clips": 3}, "synthetic.clips: unknown"),
    ],
)
def test_impossible_settings_are_named(values, message):
    with pytest.raises(ParamsError, match=message):
        build(SyntheticCorpus, values, "synthetic")


def test_names_parse_into_what_is_spoken():
    assert {parse_name(path).statement for path in all_names(1)} == set(STATEMENTS)
