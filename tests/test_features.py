"""Log-mel spectrograms and MFCC against other implementations."""

import librosa
import numpy as np
import pytest
import scipy.fft
import torch
from torchaudio.transforms import MFCC

from scripts.demo import ROOT
from ser.features.audio import AudioSettings, shape_waveform
from ser.features.fixed_mel import FixedMel, LogMel, MelSettings
from ser.features.fixed_mfcc import FixedMfcc
from ser.features.mfcc import MfccSettings, mfcc_from_mel
from ser.storage.params import ParamsError, build, read_params

RATE_HZ = 16_000
DESIGN = MelSettings(n_mels=80, n_fft=400, hop_samples=160, top_db=80.0)
SMALL = MelSettings(n_mels=20, n_fft=512, hop_samples=200, top_db=40.0)


@pytest.fixture(scope="module")
def waveforms():
    """Three clips of half a second with very different levels, (clip, time): noise, a glide, a tone then silence."""
    time_s = np.arange(RATE_HZ // 2) / RATE_HZ
    noise = np.random.default_rng(0).uniform(-1, 1, time_s.size)
    glide = 0.1 * np.sin(2 * np.pi * (200 + 6_000 * time_s) * time_s)
    tone = np.where(time_s < 0.2, 1e-3 * np.sin(2 * np.pi * 440 * time_s), 0)
    return torch.from_numpy(np.stack([noise, glide, tone])).float()


def librosa_log_mel(waveform: torch.Tensor, settings: MelSettings) -> np.ndarray:
    """(n_mels, frames) in dB: HTK mel scale, triangles of height 1, periodic Hann window, reflected ends."""
    power = librosa.feature.melspectrogram(
        y=waveform.double().numpy(),
        sr=RATE_HZ,
        n_fft=settings.n_fft,
        hop_length=settings.hop_samples,
        n_mels=settings.n_mels,
        htk=True,
        norm=None,
        power=2.0,
        center=True,
        pad_mode="reflect",
        window="hann",
    )
    return librosa.power_to_db(power, ref=1.0, amin=1e-10, top_db=settings.top_db)


@pytest.mark.parametrize("settings", [DESIGN, SMALL], ids=["design", "small"])
def test_log_mel_agrees_with_librosa_clip_by_clip(waveforms, settings):
    # float32 sums err by about 1e-7 of the loudest amplitude, which 80 dB below it is 1e-3 of the amplitude: 0.01 dB
    ours = LogMel(settings, RATE_HZ)(waveforms).squeeze(1).numpy()
    for clip, waveform in zip(ours, waveforms, strict=True):
        np.testing.assert_allclose(clip, librosa_log_mel(waveform, settings), rtol=0, atol=0.02)


def test_design_shapes_come_from_the_committed_params():
    audio, mel, mfcc = read_params(ROOT / "params.yaml", "audio", "mel", "mfcc")
    audio, mel = build(AudioSettings, audio, "audio"), build(MelSettings, mel, "mel")
    log_mel = LogMel(mel, audio.sample_rate_hz)(torch.zeros(2, audio.samples))
    assert log_mel.shape == (2, 1, 80, 301)
    assert mfcc_from_mel(log_mel, mfcc["n_mfcc"]).shape == (2, 301, 80)


def test_clips_of_a_batch_do_not_change_one_another(waveforms):
    log_mel = LogMel(DESIGN, RATE_HZ)
    one_by_one = torch.cat([log_mel(waveform[None]) for waveform in waveforms])
    torch.testing.assert_close(log_mel(waveforms), one_by_one, rtol=0, atol=1e-3)
    mfcc = mfcc_from_mel(one_by_one, 13)
    torch.testing.assert_close(
        mfcc, torch.cat([mfcc_from_mel(clip[None], 13) for clip in one_by_one]), rtol=0, atol=1e-3
    )


def test_each_clip_is_cut_off_below_its_own_maximum(waveforms):
    log_mel = LogMel(SMALL, RATE_HZ)(waveforms)
    span_db = log_mel.amax(dim=(1, 2, 3)) - log_mel.amin(dim=(1, 2, 3))
    assert span_db[2] == pytest.approx(40, abs=1e-4)
    assert (span_db <= 40.001).all()


def test_twice_the_amplitude_is_six_decibels_more(waveforms):
    log_mel = LogMel(DESIGN, RATE_HZ)
    louder = log_mel(2 * waveforms[:2]) - log_mel(waveforms[:2])
    torch.testing.assert_close(louder, torch.full_like(louder, 6.0206), rtol=0, atol=1e-3)


def test_digital_silence_is_finite():
    assert torch.equal(LogMel(DESIGN, RATE_HZ)(torch.zeros(1, 800)), torch.full((1, 1, 80, 6), -100.0))


@pytest.mark.parametrize("n_mfcc", [80, 13])
def test_mfcc_equals_torchaudio(waveforms, n_mfcc):
    melkwargs = {"n_fft": 400, "hop_length": 160, "n_mels": 80}
    expected = torch.stack([MFCC(RATE_HZ, n_mfcc, melkwargs=melkwargs)(waveform).T for waveform in waveforms])
    mfcc = mfcc_from_mel(LogMel(DESIGN, RATE_HZ)(waveforms), n_mfcc)
    torch.testing.assert_close(mfcc, expected, rtol=0, atol=1e-3)


def test_mfcc_is_the_orthonormal_cosine_transform_over_the_bands(waveforms):
    log_mel = LogMel(DESIGN, RATE_HZ)(waveforms)
    mfcc = mfcc_from_mel(log_mel, 80).numpy()
    expected = scipy.fft.dct(log_mel[:, 0].double().numpy(), type=2, norm="ortho", axis=1).swapaxes(1, 2)
    # torchaudio takes the cosine of angles up to 250 in float32, to 1e-5; times 80 bands of up to 100 dB
    np.testing.assert_allclose(mfcc, expected, rtol=0, atol=5e-3)
    # An orthonormal transform keeps lengths
    np.testing.assert_allclose((mfcc**2).sum(axis=2), (log_mel[:, 0].numpy() ** 2).sum(axis=1), rtol=1e-4)


def test_mfcc_agrees_with_librosa(waveforms):
    mfcc = mfcc_from_mel(LogMel(DESIGN, RATE_HZ)(waveforms), 20).numpy()
    for ours, waveform in zip(mfcc, waveforms, strict=True):
        theirs = librosa.feature.mfcc(S=librosa_log_mel(waveform, DESIGN), n_mfcc=20, dct_type=2, norm="ortho")
        np.testing.assert_allclose(ours.T, theirs, rtol=0, atol=0.02)


@pytest.mark.parametrize("n_mfcc", [0, 81])
def test_more_coefficients_than_bands_are_refused(n_mfcc):
    with pytest.raises(ParamsError, match=rf"n_mfcc is {n_mfcc}; allowed: 1 to n_mels \(80\)"):
        mfcc_from_mel(torch.zeros(1, 1, 80, 3), n_mfcc)


def test_the_front_ends_of_one_length_shape_waveforms_and_transform_them(waveforms):
    audio = AudioSettings(RATE_HZ, 0.2)
    clips = [waveforms[0], 0.1 * waveforms[1, :1000]]
    mel = FixedMel(audio, SMALL)(clips)
    expected = LogMel(SMALL, RATE_HZ)(torch.stack([shape_waveform(clip, audio) for clip in clips]))
    assert mel.shape == (2, 1, 20, 3200 // 200 + 1)
    assert torch.equal(mel, expected)
    assert torch.equal(FixedMfcc(audio, SMALL, MfccSettings(12))(clips), mfcc_from_mel(expected, 12))


@pytest.mark.parametrize("front_end", [FixedMel, lambda audio, mel: FixedMfcc(audio, mel, MfccSettings(12))])
def test_a_window_longer_than_the_reflected_clip_is_refused(front_end):
    audio = AudioSettings(1000, 0.2)
    front_end(audio, MelSettings(20, 398, 160, 80.0))
    with pytest.raises(ParamsError, match=r"mel\.n_fft is 400; allowed: below twice the clip's 200 samples"):
        front_end(audio, DESIGN)
