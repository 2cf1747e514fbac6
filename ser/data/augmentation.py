"""Random changes of training clips: batches of log-mel spectrograms in dB, each clip changed on its own.

A batch is frames (clip, frames, bands) float32 with lengths (clip,), on the CPU. All draws are from a generator: its
seed decides them.
"""

import dataclasses
import functools

import torch
from torch.nn.functional import cross_entropy, grid_sample
from torchaudio.functional import mask_along_axis_iid

from ser.data.masks import mask_of
from ser.storage.params import check

NOISE_TILT_DB = 10.0  # lowest and highest band of the noise against the middle one, at most
NOISE_RANGE_DB = 20.0  # from the loudest noise down to the softest
SWITCHES = ("speed", "frequency_warp", "shift_frames", "gain_db", "tilt_db", "noise_fraction", "masks", "mixup")
HIGHEST_HZ = 8000.0  # of the mel scale; only ratios to it matter for the warp


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """How far each change may go; 0 leaves it out."""

    speed: float
    frequency_warp: float
    shift_frames: int
    gain_db: float
    tilt_db: float
    noise_fraction: float
    noise_snr_db: float
    masks: int
    band_mask: int
    time_mask_fraction: float
    mixup: float

    def __post_init__(self) -> None:
        for name in ("speed", "frequency_warp", "noise_fraction", "time_mask_fraction"):
            check(0 <= getattr(self, name) < 1, name, getattr(self, name), "0 to below 1")
        for name in ("shift_frames", "gain_db", "tilt_db", "noise_snr_db", "masks", "band_mask", "mixup"):
            check(getattr(self, name) >= 0, name, getattr(self, name), "0 or more")

    @property
    def is_off(self) -> bool:
        """Whether no clip is changed, whatever the keys say that only matter beside another."""
        return not any(getattr(self, name) for name in SWITCHES)


@dataclasses.dataclass(frozen=True)
class Mixture:
    """What mixup blended: the row of the other clip (clip,), and the clip's own share (clip,), 0.5 to 1."""

    other: torch.Tensor
    share: torch.Tensor

    def blend(self, own: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """Weigh what each clip (clip,) has by its own label and by the other clip's."""
        share = self.share.to(own.device)
        return share * own + (1 - share) * other


def augment(
    frames: torch.Tensor, lengths: torch.Tensor, settings: Augmentation, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return changed frames and lengths: warped, coloured, with noise, then masked."""
    frames, lengths = warp(frames, lengths, settings, generator)
    return disturb(frames, lengths, settings, generator), lengths


def warp(
    frames: torch.Tensor, lengths: torch.Tensor, settings: Augmentation, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Change speed, scale frequencies and shift in time by one bilinear interpolation; edges are repeated.

    A scale of frequencies stands for a vocal tract of another length (Jaitly & Hinton 2013).
    """
    if not (settings.speed or settings.frequency_warp or settings.shift_frames):
        return frames, lengths
    clips, longest, bands = frames.shape
    reaches = (settings.speed, settings.frequency_warp, float(settings.shift_frames))
    speed, scale, shift = (uniform(clips, reach, generator) for reach in reaches)
    changed = (lengths / (1 + speed)).round().long().clamp_min(1)
    step = (lengths - 1) / (changed - 1).clamp_min(1)
    time = torch.arange(int(changed.max())) * step[:, None] - shift[:, None]
    time = time.clamp_min(0).minimum(lengths[:, None] - 1)
    grid = torch.broadcast_tensors(
        _to_grid(warped_bands(bands, 1 + scale), bands)[:, None, :], _to_grid(time, longest)[:, :, None]
    )
    warped = grid_sample(frames[:, None], torch.stack(grid, dim=-1), padding_mode="border", align_corners=True)
    return warped[:, 0], changed


def disturb(
    frames: torch.Tensor, lengths: torch.Tensor, settings: Augmentation, generator: torch.Generator
) -> torch.Tensor:
    """Colour clips, add noise, then mask. Does not move anything in time or frequency."""
    frames = add_noise(colour(frames, settings, generator), lengths, settings, generator)
    return mask_stretches(frames, lengths, settings, generator)


def warped_bands(bands: int, scale: torch.Tensor) -> torch.Tensor:
    """Return (clip, bands): the band, a fraction, at each band's centre frequency / scale on the HTK mel scale."""
    top = _mel(torch.tensor(HIGHEST_HZ))
    centres_hz = 700 * (10 ** (top * torch.arange(1, bands + 1) / (bands + 1) / 2595) - 1)
    return _mel(centres_hz / scale[:, None]) / top * (bands + 1) - 1


def colour(frames: torch.Tensor, settings: Augmentation, generator: torch.Generator) -> torch.Tensor:
    """Add a gain, and a slope over the bands as of another microphone and room."""
    gain, tilt = (uniform(len(frames), reach, generator) for reach in (settings.gain_db, settings.tilt_db))
    return frames + (gain[:, None] + tilt[:, None] * torch.linspace(-1, 1, frames.shape[2]))[:, None]


def add_noise(
    frames: torch.Tensor, lengths: torch.Tensor, settings: Augmentation, generator: torch.Generator
) -> torch.Tensor:
    """Add stationary noise to the power of a share of the clips, at least noise_snr_db below their loudest bin."""
    if not settings.noise_fraction:
        return frames
    rows = (torch.rand(len(frames), generator=generator) < settings.noise_fraction).nonzero().flatten()
    clean = frames[rows]
    clips, longest, bands = clean.shape
    below = settings.noise_snr_db + NOISE_RANGE_DB * torch.rand(clips, generator=generator)
    tilt = uniform(clips, NOISE_TILT_DB, generator)[:, None] * torch.linspace(-1, 1, bands)
    loudest = clean.masked_fill(~mask_of(lengths[rows], longest)[..., None], -torch.inf).amax(dim=(1, 2))
    level = (loudest - below)[:, None, None] + tilt[:, None]
    # A bin of noise has an exponentially distributed power; a band averages a few bins
    flutter = torch.empty(4, *clean.shape).exponential_(generator=generator).mean(dim=0)
    noisy = 10 * (10 ** (clean / 10) + flutter * 10 ** (level / 10)).log10()
    return frames.index_copy(0, rows, noisy)


def mask_stretches(
    frames: torch.Tensor, lengths: torch.Tensor, settings: Augmentation, generator: torch.Generator
) -> torch.Tensor:
    """Replace stretches of bands and of frames by the clip's mean (SpecAugment, Park et al. 2019)."""
    if not settings.masks:
        return frames
    mask = mask_of(lengths, frames.shape[1])[..., None]
    mean = ((frames * mask).sum(dim=(1, 2)) / (lengths * frames.shape[2]))[:, None, None]
    spectrogram = (frames - mean)[:, None]  # (clip, 1, frames, bands)
    longest = round(settings.time_mask_fraction * float(lengths.float().mean()))
    with torch.random.fork_rng(devices=[]):  # torchaudio draws from the global generator
        torch.manual_seed(int(torch.randint(2**62, (1,), generator=generator)))
        for _ in range(settings.masks):
            spectrogram = mask_along_axis_iid(spectrogram, settings.band_mask, 0.0, axis=3)
            spectrogram = mask_along_axis_iid(spectrogram, longest, 0.0, axis=2)
    return spectrogram[:, 0] + mean


def mix(
    frames: torch.Tensor, lengths: torch.Tensor, strength: float, generator: torch.Generator
) -> tuple[torch.Tensor, Mixture | None]:
    """Blend each clip with another of the batch where both have frames (mixup, Zhang et al. 2018).

    Return the blend and what it is of, the shares drawn from Beta(strength, strength); None at no strength.
    """
    if not strength:
        return frames, None
    other = torch.randperm(len(frames), generator=generator)
    gammas = torch._standard_gamma(torch.full((2, len(frames)), strength), generator=generator)
    share = gammas[0] / gammas.sum(dim=0).clamp_min(1e-12)
    share = share.maximum(1 - share)
    both = torch.arange(frames.shape[1]) < lengths.minimum(lengths[other])[:, None]
    own = torch.where(both, share[:, None], 1.0)[..., None]
    return own * frames + (1 - own) * frames[other], Mixture(other, share)


def mixed_loss(
    logits: torch.Tensor,
    labels: torch.Tensor,
    mixture: Mixture | None,
    weights: torch.Tensor,
    label_smoothing: float = 0.0,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return each clip's class-weighted cross-entropy (clip,) and weight (clip,), blended as the clips were.

    logits: (clip, emotions) float32; labels: (clip,), each clip's own; weights: (emotions,).
    """
    loss_of = functools.partial(cross_entropy, weight=weights, label_smoothing=label_smoothing, reduction="none")
    losses, own_weights = loss_of(logits, labels), weights[labels]
    if mixture is None:
        return losses, own_weights
    others = labels[mixture.other.to(labels.device)]
    return mixture.blend(losses, loss_of(logits, others)), mixture.blend(own_weights, weights[others])


def uniform(clips: int, reach: float, generator: torch.Generator) -> torch.Tensor:
    """Draw (clip,) numbers within ±reach."""
    return reach * (2 * torch.rand(clips, generator=generator) - 1)


def _to_grid(index: torch.Tensor, size: int) -> torch.Tensor:
    """Scale indices from 0 … size - 1 to -1 … 1."""
    return 2 * index / max(size - 1, 1) - 1


def _mel(hz: torch.Tensor) -> torch.Tensor:
    return 2595 * torch.log10(1 + hz / 700)
