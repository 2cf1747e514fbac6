"""What the encoders trained on AudioSet hear: log-mel patches of 0.96 s (YAMNet's and VGGish's published front end)."""

import functools

import torch

SAMPLE_RATE_HZ = 16000
WINDOW, HOP, FFT = 400, 160, 512  # samples
BANDS, LOWEST_HZ, HIGHEST_HZ = 64, 125.0, 7500.0
PATCH = 96  # frames of 10 ms
PATCH_SAMPLES = WINDOW + (PATCH - 1) * HOP  # of a clip with one patch


def log_mel(waveform: torch.Tensor, offset: float) -> torch.Tensor:
    """Return log(mel + offset), (frames, 64) float32, of (time,) at 16 kHz: magnitudes, frames not centred.

    A waveform of less than a window has no frames.
    """
    if len(waveform) < WINDOW:
        return waveform.new_zeros(0, BANDS)
    windowed = waveform.unfold(0, WINDOW, HOP) * torch.hann_window(WINDOW)
    return (torch.fft.rfft(windowed, FFT).abs() @ mel_filters() + offset).log()


def patches(frames: torch.Tensor, hop: int) -> torch.Tensor:
    """Return (patches, 96, 64) of (frames, 64); frames at the end that fill no patch are left out."""
    return frames.unfold(0, PATCH, hop).transpose(1, 2)


def pad_to(waveform: torch.Tensor, samples: int) -> torch.Tensor:
    """Return (time,) with zeros at its end up to so many samples, or as it is."""
    return torch.nn.functional.pad(waveform, (0, max(0, samples - len(waveform))))


@functools.cache
def mel_filters() -> torch.Tensor:
    """Return (257, 64) float32: triangles that are linear in mel, 1127 · ln(1 + f / 700), not in Hz as torchaudio's."""
    bins = _mel(torch.linspace(0, SAMPLE_RATE_HZ / 2, FFT // 2 + 1, dtype=torch.float64))[:, None]
    lowest, highest = _mel(torch.tensor([LOWEST_HZ, HIGHEST_HZ], dtype=torch.float64)).tolist()
    edges = torch.linspace(lowest, highest, BANDS + 2, dtype=torch.float64)
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    triangles = torch.minimum((bins - low) / (centre - low), (high - bins) / (high - centre)).clamp_min(0)
    triangles[0] = 0  # as published: the constant part belongs to no band
    return triangles.float()


def _mel(hz: torch.Tensor) -> torch.Tensor:
    return 1127 * torch.log1p(hz / 700)
