"""Waveforms → log-mel spectrograms → MFCC."""

import dataclasses
import functools

import torch
from torch import nn
from torchaudio.functional import create_dct
from torchaudio.transforms import AmplitudeToDB

from stages.ser.params import check
from stages.ser.spectrograms import MelPower


@dataclasses.dataclass(frozen=True)
class MelSettings:
    """The spectrogram: HTK mel scale from 0 Hz to half the sample rate, Hann window, frames centred."""

    n_mels: int
    n_fft: int
    hop_samples: int
    top_db: float

    def __post_init__(self) -> None:
        check(1 <= self.n_mels <= 512, "n_mels", self.n_mels, "1 to 512")
        check(16 <= self.n_fft <= 65536 and self.n_fft % 2 == 0, "n_fft", self.n_fft, "16 to 65536 samples, even")
        check(1 <= self.hop_samples <= self.n_fft, "hop_samples", self.hop_samples, "1 to n_fft samples")
        check(self.top_db > 0, "top_db", self.top_db, "more than 0 dB")


class LogMel(nn.Module):
    """(clip, time) waveforms → (clip, 1, n_mels, frames) in dB, cut off `top_db` below each clip's own maximum."""

    def __init__(self, settings: MelSettings, sample_rate_hz: int) -> None:
        super().__init__()
        self.mel = MelPower(sample_rate_hz, settings.n_mels, settings.n_fft, settings.hop_samples)
        self.to_db = AmplitudeToDB("power", settings.top_db)

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        # Without a channel axis AmplitudeToDB would take its maximum over the whole batch
        return self.to_db(self.mel(waveforms).unsqueeze(1)).transpose(2, 3).contiguous()


def mfcc_from_mel(log_mel: torch.Tensor, n_mfcc: int) -> torch.Tensor:
    """Turn (clip, 1, n_mels, frames) in dB into (clip, frames, n_mfcc): the orthonormal DCT-II over the mel bands.

    Equal to torchaudio.transforms.MFCC with the same mel settings, whose first step is the same log-mel.
    """
    n_mels = log_mel.shape[-2]
    check(1 <= n_mfcc <= n_mels, "n_mfcc", n_mfcc, f"1 to n_mels ({n_mels})")
    return log_mel.squeeze(1).transpose(1, 2) @ _dct(n_mfcc, n_mels)


@functools.cache
def _dct(n_mfcc: int, n_mels: int) -> torch.Tensor:
    return create_dct(n_mfcc, n_mels, norm="ortho")
