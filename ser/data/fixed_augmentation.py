"""Augmentation of features of one length, mel and MFCC: both are changed as log-mel spectrograms, then brought back."""

import functools

import torch
from torch.nn.functional import pad
from torchaudio.functional import create_dct

from ser.data.augmentation import Augmentation, Mixture, disturb, mix, warp
from ser.data.masks import mask_of


def augment_fixed(
    features: torch.Tensor, settings: Augmentation, generator: torch.Generator
) -> tuple[torch.Tensor, Mixture | None]:
    """Return changed features of the same shape and device, and what mixup blended, if anything.

    features: mel (clip, 1, bands, frames) in dB or MFCC (clip, frames, coefficients), float32. With every change off,
    they come back untouched and nothing is drawn.
    """
    if settings.is_off:
        return features, None
    frames = to_frames(features.cpu())
    lengths = torch.full((len(frames),), frames.shape[1])
    frames = refit(*warp(frames, lengths, settings, generator), frames.shape[1])
    frames = disturb(frames, lengths, settings, generator)
    frames, mixture = mix(frames, lengths, settings.mixup, generator)
    return from_frames(frames, features.ndim).to(features.device), mixture


def refit(frames: torch.Tensor, lengths: torch.Tensor, count: int) -> torch.Tensor:
    """Cut or pad (clip, frames, bands) to so many frames; behind a clip's end comes its lowest value.

    So does silence in decibels: zeros behind a short waveform lie at the cut-off below its loudest bin.
    """
    inside = mask_of(lengths, frames.shape[1])[..., None]
    lowest = frames.masked_fill(~inside, torch.inf).amin(dim=(1, 2), keepdim=True)
    filled = pad(torch.where(inside, frames, lowest), (0, 0, 0, max(count - frames.shape[1], 0)))
    return torch.where(mask_of(lengths, filled.shape[1])[..., None], filled, lowest)[:, :count]


def to_frames(features: torch.Tensor) -> torch.Tensor:
    """Turn mel (clip, 1, bands, frames) or MFCC (clip, frames, coefficients) into log-mel (clip, frames, bands).

    MFCC that kept all coefficients give back their log-mel spectrogram; fewer give a smoothed one of as many bands,
    with decibels that are √(n_mels / n_mfcc) times as large.
    """
    if features.ndim == 4:
        return features.squeeze(1).transpose(1, 2).contiguous()
    return features @ _dct(features.shape[2]).T


def from_frames(frames: torch.Tensor, axes: int) -> torch.Tensor:
    """Undo `to_frames`: mel for 4 axes, MFCC for 3."""
    return frames.transpose(1, 2).unsqueeze(1).contiguous() if axes == 4 else frames @ _dct(frames.shape[2])


@functools.cache
def _dct(bands: int) -> torch.Tensor:
    return create_dct(bands, bands, norm="ortho")
