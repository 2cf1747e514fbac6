"""Waveforms as the encoder hears them: silence at both ends cut off, played slower or faster."""

from collections.abc import Sequence

import torch

from ser.features.audio import resample

SAMPLE_RATE_HZ = 16000  # of every encoder here
LEVEL_SAMPLES = 160  # 10 ms


def trim_silence(waveform: torch.Tensor, trim_db: float) -> torch.Tensor:
    """Cut (time,) to the 10 ms stretches from the first to the last within `trim_db` of the loudest one."""
    padded = torch.nn.functional.pad(waveform, (0, -len(waveform) % LEVEL_SAMPLES))
    levels = padded.view(-1, LEVEL_SAMPLES).double().square().sum(dim=1)
    loud = (levels >= levels.max() * 10 ** (-trim_db / 10)).nonzero()
    return waveform[int(loud[0]) * LEVEL_SAMPLES : (int(loud[-1]) + 1) * LEVEL_SAMPLES]


def change_speed(waveform: torch.Tensor, ratio: Sequence[int]) -> torch.Tensor:
    """Return (time,) with ratio[0] samples for each ratio[1]: speed and pitch change together (Ko et al. 2015)."""
    return resample(waveform, from_hz=ratio[1], to_hz=ratio[0])
