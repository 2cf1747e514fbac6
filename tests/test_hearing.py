"""Recordings → rows, with a model that hears only loudness."""

import numpy as np
import pytest
import soundfile
import torch

from ser.features.audio import mix_down
from ser.inference.bundles import Bundle, find_bundle, read_bundle
from ser.inference.hearing import HearingSettings, hear_files
from ser.inference.rows import Heard, Problem
from tests.tiny_bundle import conversation, expected_log_probabilities, speech, write_bundle

ONE = HearingSettings()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Bundle:
    return read_bundle(write_bundle(tmp_path_factory.mktemp("models") / "tiny"))


def write(path, sound, rate_hz=48_000):
    soundfile.write(path, sound, rate_hz)
    return path


def test_a_short_clip_is_one_row_with_the_models_answer_to_the_whole(tmp_path, bundle):
    [heard] = hear_files([write(tmp_path / "a.wav", speech())], bundle, ONE)
    [row] = heard.rows
    waveform = mix_down(torch.from_numpy(soundfile.read(tmp_path / "a.wav", dtype="float32")[0]), 48_000, 16_000)
    np.testing.assert_allclose(row.log_probabilities, expected_log_probabilities(waveform.numpy()), atol=1e-4)
    assert (row.begin_s, row.end_s) == (0, len(speech()) / 48_000)


def test_clips_in_a_batch_answer_as_alone_and_in_order(tmp_path, bundle):
    gains = [0.1, 1.0, 0.4, 0.7, 0.2] * 4  # more than share a batch
    clips = [speech(f"03-01-0{index % 8 + 1}-01-01-01-01") * gain for index, gain in enumerate(gains)]
    paths = [write(tmp_path / f"{index}.wav", clip) for index, clip in enumerate(clips)]
    together = list(hear_files(paths, bundle, ONE))
    assert [heard.name for heard in together] == [str(path) for path in paths]
    for path, heard in zip(paths, together, strict=True):
        [alone] = hear_files([path], bundle, ONE)
        np.testing.assert_allclose(heard.rows[0].log_probabilities, alone.rows[0].log_probabilities, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", ["silence", "noise"])
def test_a_short_clip_without_speech_says_so(tmp_path, bundle, kind):
    sound = {"silence": np.zeros(48_000), "noise": np.random.default_rng(0).normal(0, 0.1, 96_000)}[kind]
    [heard] = hear_files([write(tmp_path / "a.wav", sound)], bundle, ONE)
    assert [row.label(0) for row in heard.rows] == ["no speech"]
    assert heard.rows[0].probabilities is heard.rows[0].confidence is None


def test_a_long_recording_is_a_timeline_without_gaps(tmp_path, bundle):
    sound, spans = conversation(4)
    [heard] = hear_files([write(tmp_path / "a.wav", sound)], bundle, ONE)
    rows = heard.rows
    assert rows[0].begin_s == 0
    assert rows[-1].end_s == pytest.approx(len(sound) / 48_000, abs=1e-3)
    assert [row.begin_s for row in rows[1:]] == [row.end_s for row in rows[:-1]]
    for begin_s, end_s in spans:
        assert any(row.emotion and begin_s <= row.begin_s < end_s for row in rows)
    assert sum(row.emotion is None for row in rows) >= len(spans)


def test_probabilities_of_every_row_sum_to_one(tmp_path, bundle):
    [heard] = hear_files([write(tmp_path / "a.wav", conversation(3)[0])], bundle, ONE)
    sums = [np.exp(row.log_probabilities).sum() for row in heard.rows if row.emotion]
    np.testing.assert_allclose(sums, 1, atol=1e-5)


def test_channels_are_heard_apart_when_asked(tmp_path, bundle):
    sound, _ = conversation(3)
    stereo = np.stack([sound, np.zeros_like(sound)], axis=1)
    path = write(tmp_path / "a.wav", stereo)
    [apart] = hear_files([path], bundle, HearingSettings(separate=True))
    [alone] = hear_files([write(tmp_path / "b.wav", sound)], bundle, ONE)
    first = [row for row in apart.rows if row.channel == 0]
    assert [(row.begin_s, row.emotion) for row in first] == [(row.begin_s, row.emotion) for row in alone.rows]
    assert [row.label(0) for row in apart.rows if row.channel == 1] == ["no speech"]


def test_a_bad_file_stops_no_other(tmp_path, bundle):
    good = write(tmp_path / "good.wav", speech())
    (tmp_path / "bad.wav").write_bytes(good.read_bytes()[:-100])
    found = list(hear_files([tmp_path / "bad.wav", good, tmp_path / "none.wav", good], bundle, ONE))
    assert [type(one) for one in found] == [Problem, Heard, Problem, Heard]
    assert found[0].reason == "cut short: 100 bytes fewer than its header says"
    assert found[2].reason == "No such file or directory"


def test_what_is_passed_adds_up_to_the_recording(tmp_path, bundle):
    passed: list[float] = []
    [heard] = hear_files([write(tmp_path / "a.wav", conversation(2)[0])], bundle, ONE, passed.append)
    assert sum(passed) == pytest.approx(heard.duration_s)


def test_an_unknown_model_is_an_error_that_says_what_to_give(tmp_path):
    with pytest.raises(ValueError, match=r"nothing: no model\. Give a folder with model\.onnx and config\.json"):
        find_bundle("nothing")


@pytest.mark.parametrize("missing", ["min_confidence", "revision", "sampling_rate"])
def test_a_bundle_with_an_incomplete_config_is_an_error(tmp_path, missing):
    folder = write_bundle(tmp_path / "tiny")
    (folder / "config.json").write_text(
        "{"
        + ", ".join(f'"{key}": 1' for key in ("min_confidence", "revision", "sampling_rate") if key != missing)
        + "}"
    )
    with pytest.raises(ValueError, match=f"lacks \\['{missing}'\\]"):
        read_bundle(folder)


def test_a_damaged_model_is_an_error_that_names_its_file(tmp_path):
    folder = write_bundle(tmp_path / "tiny")
    (folder / "model.onnx").write_bytes(b"damaged")
    with pytest.raises(ValueError, match=r"model\.onnx: no model that can be opened .* Copy the bundle again"):
        read_bundle(folder).hear([np.zeros(16_000, np.float32)])
