"""Resampling without torch equals the pipeline's."""

import numpy as np
import pytest
import torch
from torchaudio.transforms import Resample

from ser.features.audio import resample
from ser.inference.resampling import CHUNK, Resampler

RATES_HZ = [4_000, 8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000]


def noise(samples: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, samples).astype(np.float32)


def resampled(blocks: list[np.ndarray], from_hz: int) -> np.ndarray:
    resampler = Resampler(from_hz, 16_000)
    return np.concatenate([*map(resampler.push, blocks), resampler.finish()])


@pytest.mark.parametrize("from_hz", RATES_HZ)
def test_a_whole_recording_equals_the_pipelines(from_hz):
    sound = noise(from_hz // 2 + 17)
    expected = resample(torch.from_numpy(sound), from_hz, 16_000).numpy()
    np.testing.assert_allclose(resampled([sound], from_hz), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("from_hz", [4_001, 9_999])  # coprime to 16000; torchaudio takes gigabytes for higher ones
def test_odd_rates_equal_torchaudio(from_hz):
    sound = noise(from_hz // 2)
    expected = Resample(from_hz, 16_000)(torch.from_numpy(sound)).numpy()
    np.testing.assert_allclose(resampled([sound], from_hz), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("from_hz", [8_000, 44_100, 48_000, 44_099, 191_999])
def test_cutting_into_blocks_changes_nothing(from_hz):
    sound = noise(from_hz // 3)
    blocks = np.split(sound, [1, 2, 100, 101, 1_000, 1_500])
    np.testing.assert_allclose(resampled(blocks, from_hz), resampled([sound], from_hz), rtol=0, atol=1e-6)


@pytest.mark.parametrize("samples", [1, 2, 3, 95, 96, 97, 1_000])
@pytest.mark.parametrize("from_hz", [8_000, 44_100, 48_000])
def test_short_sound_equals_torchaudio(samples, from_hz):
    sound = noise(samples)
    expected = Resample(from_hz, 16_000)(torch.from_numpy(sound)).numpy()
    np.testing.assert_allclose(resampled([sound], from_hz), expected, rtol=0, atol=1e-5)


def test_a_rate_coprime_to_the_target_keeps_a_tone():
    from_hz, tone_hz = 44_099, 440
    sound = np.sin(2 * np.pi * tone_hz * np.arange(from_hz) / from_hz).astype(np.float32)
    expected = np.sin(2 * np.pi * tone_hz * np.arange(16_000) / 16_000)
    np.testing.assert_allclose(resampled([sound], from_hz)[100:-100], expected[100:-100], atol=5e-3)


def test_outputs_come_without_waiting_for_a_whole_period():
    resampler = Resampler(44_099, 16_000)  # whose period is a second
    came = len(resampler.push(noise(4_410)))
    assert 1_600 - 3 * CHUNK < came <= 1_600


def test_the_filter_of_the_oddest_rate_needs_little_memory():
    assert sum(matrix.nbytes for matrix in Resampler(191_999, 16_000)._matrices) < 40e6
