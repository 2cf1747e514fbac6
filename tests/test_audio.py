"""Audio files → waveforms of fixed rate, level and length."""

import math
import subprocess
import sys

import librosa
import numpy as np
import pytest
import soundfile
import torch
from torchaudio.transforms import Resample

from scripts.demo import ROOT
from ser.features import audio
from ser.features.audio import (
    AudioSettings,
    _resampling_basis,
    fix_length,
    load_mono,
    load_waveform,
    normalize_peak,
    resample,
)

SETTINGS = AudioSettings(sample_rate_hz=16_000, duration_s=0.1)
RATES = [(48_000, 16_000), (16_000, 48_000), (44_100, 16_000), (24_000, 16_000), (10_000, 16_000), (44_100, 22_050)]


def tones(rate_hz: int, highest_hz: float, samples: int) -> np.ndarray:
    """Five sines from a tenth of the highest frequency to the highest, float64 within ±1."""
    time_s = np.arange(samples) / rate_hz
    return sum(np.sin(2 * np.pi * highest_hz * part * time_s + part) / 5 for part in (0.1, 0.3, 0.5, 0.8, 1.0))


@pytest.fixture
def noise():
    return torch.rand(6_000, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize(("from_hz", "to_hz"), RATES)
def test_resampling_agrees_with_librosa_on_band_limited_sound(from_hz, to_hz):
    # Up to half the lower Nyquist frequency torchaudio's filter (a Hann window over six zero crossings) ripples by
    # less than 0.4 %; librosa's soxr is exact to 1e-4 there. The first and last quarter hold the ends' echo.
    sound = tones(from_hz, min(from_hz, to_hz) / 4, samples=from_hz // 4)
    ours = resample(torch.from_numpy(sound).float(), from_hz, to_hz).numpy()
    theirs = librosa.resample(sound, orig_sr=from_hz, target_sr=to_hz, res_type="soxr_hq")
    assert ours.shape == theirs.shape
    middle = slice(len(ours) // 4, -len(ours) // 4)
    np.testing.assert_allclose(ours[middle], theirs[middle], atol=5e-3)


def test_resampling_keeps_the_moment_of_every_sample():
    ours = resample(torch.from_numpy(tones(48_000, 4_000, 4_800)).float(), 48_000, 16_000).numpy()
    np.testing.assert_allclose(ours[100:-100], tones(16_000, 4_000, 1_600)[100:-100], atol=5e-3)


def test_resampling_removes_what_the_lower_rate_cannot_hold():
    whistle = np.sin(2 * np.pi * 12_000 * np.arange(4_800) / 48_000)
    assert resample(torch.from_numpy(whistle).float(), 48_000, 16_000)[100:-100].abs().max() < 1e-2


@pytest.mark.parametrize("samples", [1, 2, 3, 95, 96, 97, 1_000, 6_000])
@pytest.mark.parametrize(("from_hz", "to_hz"), RATES)
def test_resampling_equals_torchaudio_at_every_length(noise, from_hz, to_hz, samples):
    expected = Resample(from_hz, to_hz)(noise[:samples])
    torch.testing.assert_close(resample(noise[:samples], from_hz, to_hz), expected, rtol=0, atol=1e-6)


def by_torchaudio_exactly(waveform: torch.Tensor, from_hz: int, to_hz: int) -> torch.Tensor:
    """torchaudio computes its filter from positions in float32, which is off by 3e-4 at coprime rates."""
    return Resample(from_hz, to_hz, dtype=torch.float64)(waveform.double()).float()


@pytest.mark.parametrize("samples", [1, 2, 3, 95, 1_000, 6_000])
@pytest.mark.parametrize(("from_hz", "to_hz"), [*RATES, (1_001, 997), (192_000, 1_000)])
def test_resampling_without_a_large_filter_equals_torchaudio_too(noise, monkeypatch, from_hz, to_hz, samples):
    monkeypatch.setattr(audio, "KERNEL", 0)
    monkeypatch.setattr(audio, "WEIGHTS", 5_000)  # several blocks
    expected = by_torchaudio_exactly(noise[:samples], from_hz, to_hz)
    torch.testing.assert_close(resample(noise[:samples], from_hz, to_hz), expected, rtol=0, atol=1e-6)


def test_the_usual_rates_keep_their_bytes(noise):
    """As computed before there was a second way; models and features are made of these."""
    for from_hz, to_hz in (*RATES, (22_050, 16_000), (32_000, 16_000), (96_000, 16_000)):
        resampler = Resample(from_hz, to_hz)
        up, down = to_hz // resampler.gcd, from_hz // resampler.gcd
        filters, steps = resampler.kernel[:, 0], max(1, 32 // up)
        basis = torch.zeros(filters.shape[1] + down * (steps - 1), steps, up)
        for step in range(steps):
            basis[step * down : step * down + filters.shape[1], step] = filters.T
        basis, stride = basis.flatten(1), down * steps
        samples = math.ceil(len(noise) * up / down)
        frames = math.ceil(samples / basis.shape[1])
        tail = max(0, (frames - 1) * stride + basis.shape[0] - resampler.width - len(noise))
        framed = torch.nn.functional.pad(noise, (resampler.width, tail)).unfold(0, basis.shape[0], stride)
        assert torch.equal(resample(noise, from_hz, to_hz), (framed[:frames] @ basis).flatten()[:samples])


COPRIME = [(22_051, 16_000), (44_099, 16_000), (48_000, 15_999), (191_999, 16_000), (4_001, 192_000), (191_999, 1_000)]


def test_rates_with_no_common_divisor_need_little_memory():
    script = f"""
import resource, torch
from ser.features.audio import resample
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for from_hz, to_hz in {COPRIME}:
    assert len(resample(torch.zeros(4 * from_hz), from_hz, to_hz)) == 4 * to_hz
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    command = [sys.executable, "-c", script]
    printed = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert int(printed) < 250  # MB; the filter of the first alone took 12000


@pytest.mark.parametrize(("from_hz", "to_hz"), COPRIME[:4])
def test_coprime_rates_keep_the_moment_of_every_sample(from_hz, to_hz):
    ours = resample(torch.from_numpy(tones(from_hz, 1_000, from_hz // 10)).float(), from_hz, to_hz).numpy()
    np.testing.assert_allclose(ours[200:-200], tones(to_hz, 1_000, len(ours))[200:-200], atol=5e-3)


def test_resampling_to_the_same_rate_changes_nothing(noise):
    assert torch.equal(resample(noise, 16_000, 16_000), noise)


@pytest.mark.parametrize("gain", [1e-4, 0.3, 1.0, 7.0])
def test_the_peak_is_one_whatever_the_level(noise, gain):
    normalized = normalize_peak(gain * noise)
    assert normalized.abs().max() == 1
    torch.testing.assert_close(normalized, noise / noise.abs().max())


def test_each_clip_of_a_batch_has_its_own_peak(noise):
    batch = torch.stack([noise, 0.01 * noise])
    torch.testing.assert_close(normalize_peak(batch)[0], normalize_peak(batch)[1])


def test_digital_silence_stays_silent():
    assert torch.equal(normalize_peak(torch.zeros(2, 5)), torch.zeros(2, 5))


@pytest.mark.parametrize("samples", [0, 1, 5_999, 6_000, 6_001, 9_000])
def test_the_start_is_kept_and_the_end_cut_or_padded_with_zeros(noise, samples):
    fixed = fix_length(noise, samples)
    assert fixed.shape == (samples,)
    assert torch.equal(fixed[:6_000], noise[:samples])
    assert not fixed[6_000:].any()


def test_settings_count_samples():
    assert AudioSettings(16_000, 3.0).samples == 48_000
    assert AudioSettings(22_050, 1.23).samples == 27_122


@pytest.mark.parametrize("samples", [1_000, 4_800, 20_000])
@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_file_becomes_a_waveform_of_fixed_length_and_level(tmp_path, samples, rate_hz, channels):
    sound = np.random.default_rng(0).uniform(-0.1, 0.1, (samples, channels))
    soundfile.write(tmp_path / "a.wav", sound, rate_hz)
    waveform = load_waveform(tmp_path / "a.wav", SETTINGS)
    assert (waveform.shape, waveform.dtype) == ((1_600,), torch.float32)
    assert waveform.abs().max() <= 1
    if samples * 16_000 <= 1_600 * rate_hz:
        assert waveform.abs().max() == 1


def test_stereo_is_the_mean_of_its_channels(tmp_path):
    left, right = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 1_600))
    soundfile.write(tmp_path / "stereo.wav", np.stack([left, right], axis=1), 16_000, subtype="FLOAT")
    soundfile.write(tmp_path / "mono.wav", (left + right) / 2, 16_000, subtype="FLOAT")
    stereo, mono = (load_waveform(tmp_path / f"{name}.wav", SETTINGS) for name in ("stereo", "mono"))
    torch.testing.assert_close(stereo, mono, rtol=0, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_samples_of_16_bits_and_floats_give_equal_features(tmp_path, channels, rate_hz):
    whole = np.random.default_rng(0).integers(-(2**15), 2**15, (4_800, channels), dtype=np.int16)
    soundfile.write(tmp_path / "int.wav", whole, rate_hz, subtype="PCM_16")
    soundfile.write(tmp_path / "float.wav", whole / 2**15, rate_hz, subtype="FLOAT")
    of_int, of_float = (load_mono(tmp_path / f"{name}.wav", 16_000) for name in ("int", "float"))
    assert of_int.dtype == torch.float32
    assert torch.equal(of_int, of_float)


def test_the_level_is_set_before_a_long_clip_is_cut(tmp_path):
    sound = np.concatenate([np.full(1_600, 0.1), np.full(1_600, 0.4)])
    soundfile.write(tmp_path / "a.wav", sound, 16_000, subtype="FLOAT")
    torch.testing.assert_close(load_waveform(tmp_path / "a.wav", SETTINGS), torch.full((1_600,), 0.25))


def test_unusual_rates_need_little_memory():
    assert _resampling_basis(44_100, 16_000)[0].numel() < 5e6
