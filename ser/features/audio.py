"""A file of any rate and channel count → a mono waveform of fixed rate, level and length."""

import dataclasses
import functools
import math
from pathlib import Path

import numpy as np
import soundfile
import torch
from torchaudio.transforms import Resample

from ser.storage.params import check

BLOCK = 32  # samples that one row of the resampling product gives, where the ratio allows it
KERNEL = 2**22  # numbers in torchaudio's filter, at most: that from 22051 to 16000 Hz, coprime, has 350 million
WEIGHTS = 2**20  # of the filters that are computed at once where torchaudio's is larger
# Of torchaudio's filter: zero crossings to either side, and where it ends below the lower Nyquist frequency
CROSSINGS, ROLLOFF = 6, 0.99


@dataclasses.dataclass(frozen=True)
class AudioSettings:
    """What every waveform is brought to."""

    sample_rate_hz: int
    duration_s: float

    def __post_init__(self) -> None:
        check(1000 <= self.sample_rate_hz <= 192_000, "sample_rate_hz", self.sample_rate_hz, "1000 to 192000")
        check(0.1 <= self.duration_s <= 60, "duration_s", self.duration_s, "0.1 to 60 seconds")

    @property
    def samples(self) -> int:
        return round(self.sample_rate_hz * self.duration_s)


def load_waveform(path: Path, settings: AudioSettings) -> torch.Tensor:
    """Return one clip as (samples,) float32: channels averaged, resampled, peak at ±1, cut or padded at its end."""
    return shape_waveform(load_mono(path, settings.sample_rate_hz), settings)


def shape_waveform(mono: torch.Tensor, settings: AudioSettings) -> torch.Tensor:
    """Bring (time,) to its peak at ±1 and to (samples,)."""
    return fix_length(normalize_peak(mono), settings.samples)


def mix_down(waveform: np.ndarray | torch.Tensor, from_hz: int, to_hz: int) -> torch.Tensor:
    """Return a recording as (time,) float32: channels averaged, resampled; as `load_mono` does with a file.

    waveform: (time,) or (time, channels) in [-1, 1].
    """
    samples = torch.as_tensor(waveform).float()
    return resample(samples if samples.ndim == 1 else samples.mean(dim=1), from_hz, to_hz)


def load_mono(path: Path, sample_rate_hz: int) -> torch.Tensor:
    """Return one clip as (time,) float32 at its own level and length: channels averaged, resampled."""
    with soundfile.SoundFile(path) as file:
        # libsndfile takes three times as long to decode 16-bit samples as floats; the values are the same
        is_16_bit = file.subtype == "PCM_16"
        channels = torch.from_numpy(file.read(dtype="int16" if is_16_bit else "float32", always_2d=True))
        rate_hz = file.samplerate
    mono = channels[:, 0].float() if channels.shape[1] == 1 else channels.mean(dim=1, dtype=torch.float32)
    return resample(mono / 2**15 if is_16_bit else mono, rate_hz, sample_rate_hz)


def resample(waveform: torch.Tensor, from_hz: int, to_hz: int) -> torch.Tensor:
    """Resample (time,) with torchaudio's windowed sinc filter.

    torchaudio convolves with a stride, one step at a time; the same sums as a matrix product over overlapping frames,
    several steps at once, take a fifth of the time. Its filter grows with the product of the rates, divided by their
    common divisor squared; where it grows too large, each sample's few weights are computed when they are needed.
    """
    if from_hz == to_hz:
        return waveform
    divisor = math.gcd(from_hz, to_hz)
    numerator, denominator = to_hz // divisor, from_hz // divisor
    samples = math.ceil(len(waveform) * numerator / denominator)
    if numerator * (denominator + 2 * _width(numerator, denominator)) > KERNEL:
        return _interpolate(waveform, numerator, denominator, samples)
    basis, stride, lead = _resampling_basis(from_hz, to_hz)
    frames = math.ceil(samples / basis.shape[1])
    tail = (frames - 1) * stride + basis.shape[0] - lead - len(waveform)
    framed = torch.nn.functional.pad(waveform, (lead, max(0, tail))).unfold(0, basis.shape[0], stride)
    return (framed[:frames] @ basis).flatten()[:samples]


def normalize_peak(waveform: torch.Tensor) -> torch.Tensor:
    """Scale (…, time) so that the largest absolute sample is 1; digital silence stays as it is."""
    peak = waveform.abs().amax(dim=-1, keepdim=True)
    return waveform / torch.where(peak > 0, peak, torch.ones_like(peak))


def fix_length(waveform: torch.Tensor, samples: int) -> torch.Tensor:
    """Cut (…, time) at its end, or pad it there with zeros, to (…, samples)."""
    return torch.nn.functional.pad(waveform[..., :samples], (0, max(0, samples - waveform.shape[-1])))


@functools.lru_cache(maxsize=16)
def _resampling_basis(from_hz: int, to_hz: int) -> tuple[torch.Tensor, int, int]:
    """Return the filter as a matrix (frame samples, outputs), the frames' stride, and leading zeros."""
    resampler = Resample(from_hz, to_hz)
    numerator, denominator = to_hz // resampler.gcd, from_hz // resampler.gcd
    filters = resampler.kernel[:, 0]  # (numerator, taps): a step gives `numerator` samples
    steps = max(1, BLOCK // numerator)
    basis = torch.zeros(filters.shape[1] + denominator * (steps - 1), steps, numerator)
    for step in range(steps):
        basis[step * denominator : step * denominator + filters.shape[1], step] = filters.T
    return basis.flatten(1), denominator * steps, resampler.width


def _interpolate(waveform: torch.Tensor, numerator: int, denominator: int, samples: int) -> torch.Tensor:
    """Resample by numerator / denominator with the same filter as torchaudio's, in memory that no ratio enlarges."""
    width = _width(numerator, denominator)
    taps = 2 * width + 2  # samples around the moment of one that is made
    cutoff = min(numerator, denominator) * ROLLOFF / denominator  # in zero crossings a sample
    needed = (samples - 1) * denominator // numerator + taps
    framed = torch.nn.functional.pad(waveform, (width, max(0, needed - width - len(waveform)))).unfold(0, taps, 1)
    blocks = []
    for moments in torch.arange(samples).split(max(1, WEIGHTS // taps)):
        first = moments * denominator // numerator
        rest = (moments * denominator % numerator).double() / numerator
        crossings = (torch.arange(-width, width + 2) - rest[:, None]).mul_(cutoff).clamp_(-CROSSINGS, CROSSINGS)
        weights = torch.sinc(crossings) * torch.cos(crossings * (math.pi / 2 / CROSSINGS)).square() * cutoff
        blocks.append((framed[first] * weights.float()).sum(dim=1))
    return torch.cat(blocks) if blocks else waveform[:0]


def _width(numerator: int, denominator: int) -> int:
    """Return to how many samples on either side torchaudio's filter reaches."""
    return math.ceil(CROSSINGS * denominator / (min(numerator, denominator) * ROLLOFF))
