"""Where somebody speaks, and how stretches of speech become windows and rows."""

import numpy as np
import pytest

from ser.inference.detector import RATE_HZ, SpeechDetector, hold_speech
from ser.inference.resampling import Resampler
from ser.inference.speech import StretchFinder
from ser.inference.windows import Span, coverage, cut_cells, cut_windows, smooth
from tests.tiny_bundle import conversation, speech

SECOND = np.arange(RATE_HZ) / RATE_HZ
NO_SPEECH = {
    "silence": np.zeros(5 * RATE_HZ),
    "white noise": 0.1 * np.random.default_rng(0).normal(size=5 * RATE_HZ),
    "low noise": 3e-4 * np.random.default_rng(0).normal(size=5 * RATE_HZ),
    "a chord": np.tile(sum(0.1 * np.sin(2 * np.pi * hz * SECOND) for hz in (220, 277, 330)), 5),
}


def at_16_khz(sound: np.ndarray) -> np.ndarray:
    resampler = Resampler(48_000, RATE_HZ)
    return np.concatenate([resampler.push(sound.astype(np.float32)), resampler.finish()])


def stretches(sound: np.ndarray, block: int = 20_000) -> list:
    finder = StretchFinder()
    found = [finder.push(sound[begin : begin + block]) for begin in range(0, len(sound), block)]
    return [stretch for part in [*found, finder.finish()] for stretch in part]


@pytest.mark.parametrize("level", [1.0, 0.02])
def test_each_clip_of_a_conversation_is_a_stretch_at_its_place(level):
    sound, spans = conversation(4)
    found = stretches(at_16_khz(sound * level))
    assert len(found) == len(spans)
    for stretch, (begin_s, end_s) in zip(found, spans, strict=True):
        assert begin_s <= stretch.begin / RATE_HZ < stretch.end / RATE_HZ <= end_s + 0.2
        assert stretch.end - stretch.begin > RATE_HZ  # the voice says more than a second


@pytest.mark.parametrize("what", NO_SPEECH)
def test_what_is_no_speech_has_no_stretch(what):
    sound = NO_SPEECH[what].astype(np.float32)
    assert stretches(sound) == []
    assert hold_speech([sound]) == [False]


@pytest.mark.parametrize("gain", [1.0, 0.01])
def test_a_clip_of_speech_is_speech_at_any_level(gain):
    assert hold_speech([gain * at_16_khz(speech())]) == [True]


def test_clips_that_are_looked_at_together_do_not_change_one_another():
    clip = at_16_khz(speech())
    noise = NO_SPEECH["white noise"].astype(np.float32)
    clips = [noise, clip, np.zeros(80_000, np.float32), clip[: len(clip) // 2], clip[:200], 0.1 * clip]
    assert hold_speech(clips) == [False, True, False, True, False, True]
    assert hold_speech([clip, noise[:2000]]) == [True, False]  # the shorter ends before the other is decided, or after
    assert hold_speech([]) == []


def test_blocks_do_not_matter():
    sound = at_16_khz(conversation(2)[0])
    whole, parts = stretches(sound, len(sound)), stretches(sound, 1_000)
    assert [(one.begin, one.end) for one in whole] == [(one.begin, one.end) for one in parts]


def test_a_stretch_has_the_sound_of_its_place():
    sound = at_16_khz(conversation(3)[0])
    for stretch in stretches(sound):
        np.testing.assert_array_equal(stretch.waveform, sound[stretch.begin : stretch.end])


def test_speech_without_pauses_is_cut_into_stretches_of_30_s_at_most(monkeypatch):
    monkeypatch.setattr(SpeechDetector, "_detect", lambda self, frames: np.ones(len(frames), np.float32))
    found = stretches(np.zeros(100 * RATE_HZ, np.float32))
    assert max(stretch.end - stretch.begin for stretch in found) <= 31 * RATE_HZ
    assert [one.begin for one in found[1:]] == [one.end for one in found[:-1]]
    assert (found[0].begin, found[-1].end) == (0, 100 * RATE_HZ)


def test_a_short_stretch_is_one_window():
    assert cut_windows(30, window=30, hop=10) == cut_cells(30, window=30, hop=10) == [Span(0, 30)]


def test_windows_begin_each_hop_and_the_last_ends_with_the_stretch():
    assert cut_windows(47, window=30, hop=10) == [Span(0, 30), Span(10, 40), Span(17, 47)]


@pytest.mark.parametrize("samples", [31, 44, 45, 46, 90, 117])
@pytest.mark.parametrize("hop", [7, 10, 30])
def test_cells_cover_a_stretch_without_gaps_and_each_has_a_window(samples, hop):
    cells, windows = cut_cells(samples, 30, hop), cut_windows(samples, 30, hop)
    assert (cells[0].begin, cells[-1].end) == (0, samples)
    assert [cell.begin for cell in cells[1:]] == [cell.end for cell in cells[:-1]]
    np.testing.assert_allclose(coverage(windows, cells).sum(axis=1), 1, rtol=1e-6)


def test_smoothing_is_the_normalised_geometric_mean_of_the_windows_over_a_cell():
    probabilities = np.array([[0.8, 0.2], [0.5, 0.5], [0.1, 0.9]])
    windows, cells = [Span(0, 30), Span(10, 40), Span(20, 50)], [Span(0, 10), Span(20, 30), Span(40, 50)]
    smoothed = np.exp(smooth(np.log(probabilities), windows, cells))
    product = probabilities.prod(axis=0) ** (1 / 3)
    np.testing.assert_allclose(smoothed, [[0.8, 0.2], product / product.sum(), [0.1, 0.9]], rtol=1e-6)
