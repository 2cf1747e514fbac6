"""Whisper's encoder on clips at their own lengths: one alone, or a padded batch with the padding masked."""

from collections.abc import Callable

import torch
from torch import nn

from ser.data.masks import mask_of
from ser.encoders.waveforms import SAMPLE_RATE_HZ


def whisper_log_mel(extractor: Callable, waveform: torch.Tensor) -> torch.Tensor:
    """Return the log-mel (1, bands, frames of 10 ms) of a waveform (time,), not padded to 30 s."""
    return extractor(
        waveform.numpy(),
        sampling_rate=SAMPLE_RATE_HZ,
        padding="do_not_pad",
        truncation=False,
        return_tensors="pt",
    )["input_features"]


def whisper_states(encoder: nn.Module, log_mel: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
    """As `WhisperEncoder.forward`, which takes 30 s only, on the first rows of its position table.

    log_mel: (clip, bands, frames of 10 ms) float32; lengths: (clip,), frames of each, None where nothing is padding.
    Return the hidden states (layers, clip, frames of 20 ms, width), of each clip as if it were alone: Whisper knows no
    masks, so padding is set to zero where convolutions read it, and no frame attends to it. ValueError when a clip has
    more frames than the table.
    """
    inside = None if lengths is None else mask_of(lengths, log_mel.shape[2])[:, None]
    hidden = nn.functional.gelu(encoder.conv1(log_mel if inside is None else log_mel * inside))
    hidden = nn.functional.gelu(encoder.conv2(hidden if inside is None else hidden * inside)).transpose(1, 2)
    positions = encoder.embed_positions.weight
    if hidden.shape[1] > len(positions):
        raise ValueError(f"a clip has {hidden.shape[1]} frames; Whisper hears {len(positions)} frames of 20 ms")
    attended = None if lengths is None else _attention_mask(strided(lengths), hidden.shape[1])
    states = [hidden + positions[: hidden.shape[1]]]
    for layer in encoder.layers:
        states.append(layer(states[-1], attended))
    states[-1] = encoder.layer_norm(states[-1])
    return torch.stack(states)


def strided(lengths: torch.Tensor) -> torch.Tensor:
    """Return how many frames of 20 ms the second convolution makes of so many of 10 ms."""
    return (lengths + 1) // 2


def _attention_mask(lengths: torch.Tensor, frames: int) -> torch.Tensor:
    """What is added to the scores (clip, heads, frames, frames): minus infinity behind a clip's end."""
    outside = ~mask_of(lengths, frames)
    return torch.zeros(outside.shape, device=lengths.device).masked_fill(outside, -torch.inf)[:, None, None]
