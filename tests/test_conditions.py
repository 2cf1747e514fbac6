"""Recording conditions: level, noise, band and time as stated, seeded; none of it shared with training."""

import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import welch

from scripts.demo import ROOT
from ser.data.drawn_copies import DrawnCopies
from ser.data.own_length import OwnLengthClips
from ser.evaluation.coverage import coverage_at
from ser.features.conditions.channels import CODECS, TAPS, encode
from ser.features.conditions.kinds import KINDS, build_condition
from ser.features.conditions.levels import speech_power
from ser.features.conditions.noise import SAMPLE_RATE_HZ, add_noise, pink_noise, white_noise
from ser.features.conditions.rooms import impulse_response
from ser.features.conditions.seeding import generator_of
from ser.features.conditions.training import DRAWN, Disturbances
from ser.features.conditions.voices import Voices, load_voices, save_voices, to_voice
from ser.storage.params import ParamsError, build, read_params
from studies.outside.conditions import gather_voices, settings
from studies.outside.conditions.gather_voices import VoiceSettings
from studies.outside.conditions.settings import Seeds, read_disturb, training_copies
from tests.pipeline import code_of, declared_files, declared_params, read_leaves, stages_of
from tests.tiny_encoders import speechlike

PROJECT = ROOT / "studies/outside/conditions"
STAGES = stages_of(PROJECT)
CONDITIONS = read_params(PROJECT / "params.yaml", "conditions")
DISTURBANCES = build(Disturbances, read_params(PROJECT / "params.yaml", "disturbances"))
RANDOM = [name for name, values in CONDITIONS.items() if values["kind"] in ("noise", "reverberation", "silence")]
VOICES = Voices([to_voice(np.sin(np.arange(length) * 0.3).astype(np.float32)) for length in (3000, 4700, 8000)])


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    """A second of something like speech between two half seconds of silence."""
    return np.pad(speechlike(1.0, 5).numpy(), 8000)


def made(name: str, waveform: np.ndarray, clip: str = "a", seed: int = 1) -> np.ndarray:
    condition = build_condition(CONDITIONS[name], name, "params.yaml")
    return condition(waveform, generator_of(seed, name, clip), VOICES)


def decibels(ratio: float) -> float:
    return 10 * np.log10(ratio)


def share_between(waveform: np.ndarray, low_hz: float, high_hz: float) -> float:
    """The share of a waveform's power between two frequencies."""
    frequencies, power = welch(waveform, SAMPLE_RATE_HZ, nperseg=2048)
    return power[(frequencies >= low_hz) & (frequencies <= high_hz)].sum() / power.sum()


# What a condition does


def test_level_is_as_stated(speech):
    assert decibels(speech_power(made("level", speech)) / speech_power(speech)) == pytest.approx(-20, abs=1e-3)


def test_clipping_cuts_off_what_is_above_full_scale_after_the_peak_was_raised(speech):
    clipped, raised = made("clipping", speech), speech * (4 / np.abs(speech).max())
    assert np.abs(clipped).max() == 1
    np.testing.assert_allclose(clipped, raised.clip(-1, 1), atol=1e-6)
    assert not made("clipping", np.zeros(1000, np.float32)).any()


@pytest.mark.parametrize("name", [name for name in CONDITIONS if CONDITIONS[name]["kind"] == "noise"])
def test_noise_has_the_stated_ratio_to_speech_without_its_pauses(name, speech):
    noise = made(name, speech).astype(np.float64) - speech
    assert decibels(speech_power(speech) / np.mean(noise**2)) == pytest.approx(CONDITIONS[name]["snr_db"], abs=0.01)


def test_the_level_of_speech_does_not_know_silence_around_it(speech):
    assert speech_power(np.pad(speech, 16000)) == pytest.approx(speech_power(speech))
    assert speech_power(np.full(1600, 0.5)) == pytest.approx(0.25)


def test_white_noise_is_flat_and_pink_falls_by_three_decibels_an_octave():
    for noise, slope in ((white_noise, 0.0), (pink_noise, -3.0)):
        drawn = noise(2**18, np.random.default_rng(1))
        octaves = [share_between(drawn, low, 2 * low) * (1 / low) for low in (250, 500, 1000, 2000)]
        np.testing.assert_allclose(np.diff(10 * np.log10(octaves)), slope, atol=0.4)


def test_noise_on_digital_silence_is_none():
    assert not add_noise(np.zeros(1600, np.float32), np.ones(1600), 10.0).any()


def test_telephone_keeps_its_band(speech):
    noise = white_noise(32000, np.random.default_rng(1)).astype(np.float32) * 0.1
    heard = made("telephone", noise)
    assert len(heard) == len(noise)
    assert share_between(heard, 300, 3400) > 0.98
    assert share_between(heard, 4000, 8000) < 1e-3


def test_low_pass_keeps_what_is_below_and_nothing_above(speech):
    noise = white_noise(64000, np.random.default_rng(1)).astype(np.float32)
    kept = made("low_pass", noise)
    width_hz = 3.3 * SAMPLE_RATE_HZ / TAPS
    assert share_between(kept, 4000 + width_hz, 8000) < 1e-4
    middle = slice(TAPS, -TAPS)
    tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / SAMPLE_RATE_HZ).astype(np.float32)
    np.testing.assert_allclose(made("low_pass", tone)[middle], tone[middle], atol=0.01)


@pytest.mark.parametrize("name", [name for name in CONDITIONS if CONDITIONS[name]["kind"] == "codec"])
def test_a_codec_writes_at_its_rate_and_keeps_length_and_level(name):
    waveform, values = np.tile(speechlike(1.0, 5).numpy(), 10), CONDITIONS[name]
    bits = 8 * len(encode(waveform, values["codec"], values["kbit_s"]).getvalue())
    assert bits / 10 == pytest.approx(1000 * values["kbit_s"], rel=0.2)
    decoded = made(name, waveform)
    assert len(decoded) == len(waveform)
    assert abs(decibels(speech_power(decoded) / speech_power(waveform))) < 3
    tone = np.sin(2 * np.pi * 300 * np.arange(16000) / SAMPLE_RATE_HZ) * np.hanning(16000)
    agreement = np.correlate(made(name, tone.astype(np.float32)), tone[100:-100])
    assert abs(int(agreement.argmax()) - 100) <= 2  # not shifted


@pytest.mark.parametrize("rt60_s", [0.3, 0.6])
def test_a_room_decays_by_60_decibels_in_its_time(rt60_s):
    response = impulse_response(rt60_s, 0.0, np.random.default_rng(1))
    left = np.cumsum(np.square(response[1:])[::-1])[::-1]  # Schroeder 1965
    time = np.arange(len(left)) / SAMPLE_RATE_HZ
    chosen = (left < left[0] * 10**-0.5) & (left > left[0] * 10**-2.5)
    slope = np.polyfit(time[chosen], 10 * np.log10(left[chosen]), 1)[0]
    assert -60 / slope == pytest.approx(rt60_s, rel=0.1)
    assert np.square(response).sum() == pytest.approx(1)
    assert decibels(response[0] ** 2 / np.square(response[1:]).sum()) == pytest.approx(0, abs=1e-6)


def test_silence_is_a_quiet_room_around_the_clip(speech):
    padded = made("silence", speech)
    assert len(padded) == len(speech) + 2 * SAMPLE_RATE_HZ
    np.testing.assert_array_equal(padded[16000:-16000], speech)
    for end in (padded[:16000], padded[-16000:]):
        assert decibels(np.mean(end.astype(np.float64) ** 2) / speech_power(speech)) == pytest.approx(-20, abs=0.01)


@pytest.mark.parametrize(("name", "factor"), [("slower", 0.9), ("faster", 1.1)])
def test_speed_changes_length_and_pitch(name, factor):
    tone = np.sin(2 * np.pi * 440 * np.arange(16000) / SAMPLE_RATE_HZ).astype(np.float32)
    changed = made(name, tone)
    assert len(changed) == pytest.approx(16000 / factor, abs=1)
    spectrum = np.abs(np.fft.rfft(changed[:14000] * np.hanning(14000)))
    assert spectrum.argmax() * SAMPLE_RATE_HZ / 14000 == pytest.approx(440 * factor, abs=1.2)


def test_babble_is_of_several_voices_without_gaps():
    babble = VOICES.babble(40000, 6, np.random.default_rng(1))
    assert np.square(babble).reshape(-1, 400).mean(axis=1).min() > 0.1
    alone = VOICES.babble(40000, 1, np.random.default_rng(1))
    assert np.mean(alone**2) == pytest.approx(1, rel=0.02)


def test_voices_are_read_as_they_were_written(tmp_path):
    clips = [speechlike(0.5, seed).numpy() for seed in (1, 2)]
    save_voices([np.pad(clip, 1600) for clip in clips], tmp_path / "voices.pt")
    for voice, clip in zip(load_voices(tmp_path / "voices.pt").clips, clips, strict=True):
        assert np.mean(voice.astype(np.float64) ** 2) == pytest.approx(1, rel=1e-3)
        assert len(voice) <= len(clip) + 320
    before = (tmp_path / "voices.pt").read_bytes()
    save_voices([np.pad(clip, 1600) for clip in clips], tmp_path / "voices.pt")
    assert (tmp_path / "voices.pt").read_bytes() == before


# Randomness


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_condition_gives_the_same_bytes_twice_and_leaves_its_input(name, speech):
    before = speech.copy()
    first, second = made(name, speech), made(name, speech)
    assert first.dtype == np.float32
    assert first.tobytes() == second.tobytes()
    np.testing.assert_array_equal(speech, before)
    assert np.isfinite(first).all()
    assert len(first) != len(speech) or not np.array_equal(first, speech)


@pytest.mark.parametrize("name", RANDOM)
def test_another_clip_or_seed_draws_anew(name, speech):
    drawn = [made(name, speech), made(name, speech, clip="b"), made(name, speech, seed=2)]
    assert len({waveform.tobytes() for waveform in drawn}) == 3


@given(st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1), st.text(max_size=3), st.text(max_size=3))
def test_generators_are_equal_only_of_equal_seeds_and_names(seed, other, name, other_name):
    equal = (seed, name) == (other, other_name)
    assert (generator_of(seed, name).random() == generator_of(other, other_name).random()) == equal


def test_training_and_testing_draw_neither_equal_noise_nor_equal_rooms():
    seeds = build(Seeds, read_params(PROJECT / "params.yaml", "seeds"))
    clips = [f"clip-{number}" for number in range(50)]
    tested = {generator_of(seeds.testing, name, clip).random() for name in CONDITIONS for clip in clips}
    trained = {generator_of(seeds.training, copy, clip).random() for copy in training_copies(7) for clip in clips}
    assert len(tested) == len(CONDITIONS) * 50
    assert len(trained) == 7 * 50
    assert not tested & trained


def test_equal_seeds_are_refused():
    with pytest.raises(ParamsError, match="training is 5; allowed: another seed than that of testing"):
        Seeds(5, 5)


def test_training_and_testing_share_no_voices():
    build(VoiceSettings, read_params(PROJECT / "params.yaml", "voices"))
    with pytest.raises(ParamsError, match=r"training is \['urdu'\]; allowed: .* so not \['urdu'\]"):
        VoiceSettings(("emodb", "urdu"), ("urdu",))
    with pytest.raises(ParamsError, match=r"testing is \['ravdess'\]; allowed: one or more of synthetic"):
        VoiceSettings(("ravdess",), ("synthetic",))
    VoiceSettings(("synthetic",), ("synthetic",))  # of another seed


def test_training_disturbances_are_drawn_within_their_ranges():
    rng = np.random.default_rng(1)
    drawn = [DISTURBANCES.draw(rng) for _ in range(700)]
    counts = pd.Series([getattr(one, "colour", type(one).__name__) for one in drawn]).value_counts()
    assert len(counts) == len(DRAWN)
    assert counts.min() > 60
    for one in drawn:
        for name, value in vars(one).items():
            if name != "colour":
                low, high = getattr(DISTURBANCES, name)
                assert low <= value <= high


def test_some_kinds_of_conditions_are_not_trained():
    rng = np.random.default_rng(1)
    trained = {type(DISTURBANCES.draw(rng)) for _ in range(200)}
    assert {name for name, kind in KINDS.items() if kind not in trained} == {"codec", "low_pass", "silence", "speed"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "echo"}, "a.kind is 'echo'; allowed: level, clipping"),
        ({"kind": "noise", "colour": "red", "snr_db": 1.0}, "a.colour is 'red'; allowed: white or pink or babble"),
        ({"kind": "level"}, "a.level_db: missing"),
        ({"kind": "codec", "codec": "mp3", "kbit_s": 4.0}, "a.kbit_s is 4.0; allowed: 8.0 to 160.0 of mp3"),
        ({"kind": "telephone", "low_hz": 300.0, "high_hz": 4000.0}, "a.high_hz is 4000.0; allowed: below 4000.0 Hz"),
    ],
)
def test_an_impossible_condition_is_named(values, message):
    with pytest.raises(ParamsError, match=re.escape(message)):
        build_condition(values, "a", "params.yaml")


def test_an_impossible_range_is_named():
    values = read_params(PROJECT / "params.yaml", "disturbances")
    with pytest.raises(ParamsError, match=r"snr_db is \[30\.0, 5\.0\]; allowed: two numbers, the lower one first"):
        build(Disturbances, values | {"snr_db": [30.0, 5.0]})
    with pytest.raises(ParamsError, match=r"high_hz is 5000\.0; allowed: below 4000\.0 Hz"):
        build(Disturbances, values | {"high_hz": [2500.0, 5000.0]})


def test_every_codec_is_one_of_soundfile():
    for container, subtype, *_ in CODECS.values():
        assert subtype in soundfile.available_subtypes(container)


# Copies in training, coverage


def copies(clean_share: float) -> DrawnCopies:
    """Twenty clips of one band: zeros, and two copies of other lengths, of ones and of twos."""
    labels = torch.arange(20) % 8
    parts = [OwnLengthClips([torch.full((3 + value, 1), float(value))] * 20, labels) for value in range(3)]
    return DrawnCopies(parts[0], parts[1:], clean_share)


def test_copies_are_drawn_in_their_shares_at_their_own_lengths():
    rows = torch.arange(20).repeat(200)
    frames, lengths = copies(0.25).draw(rows, torch.Generator().manual_seed(1))
    drawn = frames[:, 0, 0]
    assert torch.equal(lengths, 3 + drawn.long())
    shares = torch.bincount(drawn.long(), minlength=3) / len(rows)
    np.testing.assert_allclose(shares, [0.25, 0.375, 0.375], atol=0.03)
    again, _ = copies(0.25).draw(rows, torch.Generator().manual_seed(1))
    assert torch.equal(again, frames)


def test_a_part_of_the_clips_keeps_its_copies():
    part = copies(0.0)[torch.tensor([True, False] * 10)]
    assert [len(copy) for copy in part.all] == [10, 10, 10]
    assert part.draw(torch.tensor([9]), torch.Generator().manual_seed(1))[0].min() >= 1


def test_copies_of_other_clips_are_refused():
    whole = copies(0.5)
    with pytest.raises(ValueError, match=r"expected copies of 20 clips with their labels, found \[10\]"):
        DrawnCopies(whole.clean, [whole.clean[torch.arange(10)]], 0.5)


def test_coverage_is_the_largest_share_that_has_the_accuracy():
    confidence = np.array([0.9, 0.8, 0.7, 0.6])
    right = np.array([True, True, False, True])
    assert coverage_at(confidence, right, 0.75) == (1.0, 0.6)
    assert coverage_at(confidence, right, 0.8) == (0.5, 0.8)
    assert coverage_at(confidence, ~right, 0.9) == (0.0, float("inf"))
    assert coverage_at(np.full(4, 0.5), right, 0.9).share == 0, "clips of one confidence are answered together"


# The project


@pytest.mark.parametrize("name", list({name.partition("@")[0]: name for name in STAGES}.values()))
def test_stage_declares_the_code_it_imports_and_no_other(name):
    declared = {
        (PROJECT / file).resolve().relative_to(ROOT.resolve()).as_posix() for file in declared_files(STAGES[name])
    }
    assert {file for file in declared if file.endswith(".py")} == code_of(STAGES[name], ROOT)


def test_every_param_is_declared():
    leaves = set(read_leaves(PROJECT))
    assert set().union(*(declared_params(stage, leaves) for stage in STAGES.values())) == leaves


def test_every_condition_and_copy_has_its_stages():
    counts = read_params(PROJECT / "params.yaml", "copies")
    for stage, prefix, count in (
        ("embed", "whisper-", counts["encoder"]),
        ("logmel", "", counts["compact"]),
    ):
        assert {f"{stage}_condition@{prefix}{name}" for name in CONDITIONS} <= STAGES.keys()
        assert f"{stage}_training@{prefix}{count}" in STAGES
        assert f"{stage}_training@{prefix}{count + 1}" not in STAGES


def test_trainings_read_every_condition_and_copy():
    for name, stage in STAGES.items():
        if name.startswith("train_"):
            read = {Path(file).stem for file in declared_files(stage)}
            assert CONDITIONS.keys() <= read
            counts = read_params(PROJECT / "params.yaml", "copies")
            expected = counts["encoder"] if "encoder" in name else counts["compact"] * ("robust" in name)
            assert {file for file in read if file.startswith("training_")} == set(training_copies(expected))


# A small run


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A folder with the committed params, as working directory."""
    monkeypatch.chdir(tmp_path)
    for path in ("params.yaml", "studies/outside/conditions/params.yaml", "studies/encoders/params.yaml"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes((ROOT / path).read_bytes())
    return tmp_path


def test_without_a_corpus_the_message_says_how_to_do_without(project, monkeypatch):
    for name in ("EMODB_SOURCE", "URDU_SOURCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "argv", ["gather_voices", "testing"])
    with pytest.raises(
        SystemExit, match=r"EMODB_SOURCE=/path/to/zip-or-folder\. Without one, set voices\.testing .* to"
    ):
        gather_voices.main()


def test_voices_of_a_corpus_are_taken_from_its_source(project, monkeypatch, tmp_path):
    for corpus, name in (("emodb", "03a01Fa.wav"), ("urdu", "Angry/SM1_F10_A010.flac")):
        path = tmp_path / corpus / name
        path.parent.mkdir(parents=True)
        soundfile.write(path, np.pad(speechlike(0.5, 3).numpy(), 800), 22050)
        monkeypatch.setenv(f"{corpus.upper()}_SOURCE", str(tmp_path / corpus))
    monkeypatch.setattr(sys, "argv", ["gather_voices", "testing"])
    gather_voices.main()
    assert len(load_voices(settings.VOICES / "testing.pt").clips) == 2


def test_a_copy_is_the_condition_of_the_params(project, speech):
    save_voices([speechlike(0.5, 1).numpy()], settings.VOICES / "testing.pt")
    save_voices([speechlike(0.5, 2).numpy()], settings.VOICES / "training.pt")
    np.testing.assert_array_equal(read_disturb("level")("a", speech), made("level", speech))
    first = read_disturb("training_1")
    np.testing.assert_array_equal(first("a", speech), first("a", speech))
    assert first("a", speech).tobytes() != read_disturb("training_2")("a", speech).tobytes()
    with pytest.raises(ParamsError, match=r"conditions\.fog: missing"):
        read_disturb("fog")
