"""Power in mel bands against torchaudio."""

import pytest
import torch
from torchaudio.transforms import MelSpectrogram

from ser.features.mel_power import MelPower


@pytest.mark.parametrize("pad_mode", ["reflect", "constant"])
@pytest.mark.parametrize(
    ("rate_hz", "n_mels", "n_fft", "hop_samples"),
    [(16_000, 80, 400, 160), (16_000, 20, 512, 200), (22_051, 64, 640, 1)],
)
def test_power_equals_torchaudio(rate_hz, n_mels, n_fft, hop_samples, pad_mode):
    waveforms = torch.rand(3, 1_000, generator=torch.Generator().manual_seed(0)) * 2 - 1
    power = MelPower(rate_hz, n_mels, n_fft, hop_samples, pad_mode)(waveforms)
    assert power.is_contiguous()
    theirs = MelSpectrogram(rate_hz, n_fft=n_fft, hop_length=hop_samples, n_mels=n_mels, pad_mode=pad_mode)(waveforms)
    torch.testing.assert_close(power, theirs.transpose(1, 2), rtol=1e-5, atol=1e-6)
