"""The front end of the networks on mel: waveforms → log-mel spectrograms of one length."""

import dataclasses
import functools

import torch
from torch import nn
from torchaudio.transforms import AmplitudeToDB

from ser.features.audio import AudioSettings, shape_waveform
from ser.features.mel_power import MelPower
from ser.storage.params import check


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


@dataclasses.dataclass(frozen=True)
class FixedMel:
    """Waveforms, a list of (time,) float32 → (clip, 1, n_mels, frames) in dB."""

    audio: AudioSettings
    mel: MelSettings

    def __post_init__(self) -> None:
        allowed = f"below twice the clip's {self.audio.samples} samples"
        check(self.mel.n_fft < 2 * self.audio.samples, "mel.n_fft", self.mel.n_fft, allowed)

    @property
    def sample_rate_hz(self) -> int:
        return self.audio.sample_rate_hz

    def __call__(self, waveforms: list[torch.Tensor]) -> torch.Tensor:
        return self._log_mel(torch.stack([shape_waveform(waveform, self.audio) for waveform in waveforms]))

    @functools.cached_property
    def _log_mel(self) -> LogMel:
        return LogMel(self.mel, self.audio.sample_rate_hz)
