"""The front end of CompactNet: waveforms → log-mel spectrograms of their own length and level, without silent ends."""

import dataclasses
import functools

import torch
from torch import nn
from torchaudio.transforms import AmplitudeToDB

from ser.features.mel_power import MelPower
from ser.storage.params import check


@dataclasses.dataclass(frozen=True)
class LogMelSettings:
    """The spectrogram: HTK mel scale from 0 Hz to half the sample rate, Hann window, frames centred."""

    n_mels: int
    n_fft: int
    hop_samples: int
    top_db: float
    trim_db: float

    def __post_init__(self) -> None:
        check(1 <= self.n_mels <= 512, "n_mels", self.n_mels, "1 to 512")
        check(16 <= self.n_fft <= 65536 and self.n_fft % 2 == 0, "n_fft", self.n_fft, "16 to 65536 samples, even")
        check(1 <= self.hop_samples <= self.n_fft, "hop_samples", self.hop_samples, "1 to n_fft samples")
        check(self.top_db > 0, "top_db", self.top_db, "more than 0 dB")
        check(self.trim_db > 0, "trim_db", self.trim_db, "more than 0 dB")


class TrimmedLogMel(nn.Module):
    """A list of waveforms (time,) → a list of log-mel spectrograms (frames, n_mels) in dB re full scale."""

    def __init__(self, settings: LogMelSettings, sample_rate_hz: int) -> None:
        super().__init__()
        self.settings = settings
        # Zeros beyond both ends, so that a clip's frames do not depend on how far its batch is padded
        self.mel = MelPower(sample_rate_hz, settings.n_mels, settings.n_fft, settings.hop_samples, pad_mode="constant")
        self.to_db = AmplitudeToDB("power", settings.top_db)

    def forward(self, waveforms: list[torch.Tensor]) -> list[torch.Tensor]:
        powers = self.mel(nn.utils.rnn.pad_sequence(waveforms, batch_first=True))
        clips = []
        for waveform, power in zip(waveforms, powers, strict=True):
            power = power[: len(waveform) // self.settings.hop_samples + 1]
            clips.append(self.to_db(power[sounding(power, self.settings.trim_db)]))
        return clips


@dataclasses.dataclass(frozen=True)
class OwnLengthMel:
    """Waveforms, a list of (time,) float32 → a list of log-mel spectrograms (frames, n_mels) in dB re full scale."""

    sample_rate_hz: int
    logmel: LogMelSettings

    def __call__(self, waveforms: list[torch.Tensor]) -> list[torch.Tensor]:
        return self._log_mel(waveforms)

    @functools.cached_property
    def _log_mel(self) -> TrimmedLogMel:
        return TrimmedLogMel(self.logmel, self.sample_rate_hz)


def sounding(power: torch.Tensor, trim_db: float) -> slice:
    """Return the frames of (frames, n_mels) from the first to the last within `trim_db` of the loudest one."""
    levels = power.sum(dim=1)
    loud = (levels >= levels.max() * 10 ** (-trim_db / 10)).nonzero()
    return slice(int(loud[0]), int(loud[-1]) + 1)
