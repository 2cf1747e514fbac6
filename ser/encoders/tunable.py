"""Encoders that can be trained: a padded batch of what they hear → the hidden states of every layer, padding masked."""

import functools
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from ser.encoders.loading import Encode, build_model, family_of, load_encoder_model, load_extractor
from ser.encoders.transformer import transformer_inputs
from ser.encoders.tunable_transformer import TunableTransformer
from ser.encoders.whisper import strided, whisper_log_mel, whisper_states


class TunableWhisper(nn.Module):
    """Log-mel (clip, frames, bands) float32, lengths (clip,) → states (clip, frames, layers, width), their lengths.

    Frames after a clip's end do not matter.
    """

    adapted = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")  # the layers' products that get adapters

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    @property
    def levels(self) -> list[list[nn.Module]]:
        """What can learn, from the input up: the convolutions, then each layer, the last with the norm behind it."""
        *below, top = ([layer] for layer in self.encoder.layers)
        return [[self.encoder.conv1, self.encoder.conv2], *below, [*top, self.encoder.layer_norm]]

    @property
    def shape(self) -> tuple[int, int]:
        """Layers of the states, and their width."""
        return len(self.encoder.layers) + 1, self.encoder.config.d_model

    def forward(self, log_mel: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        states = whisper_states(self.encoder, log_mel.transpose(1, 2), lengths)
        return states.permute(1, 2, 0, 3), strided(lengths)


Tunable = TunableWhisper | TunableTransformer


def load_tunable(folder: Path) -> Tunable:
    """Return the encoder of a folder; ValueError when its family cannot be trained here, or it lacks weights."""
    kind = _require_transformer(folder)
    return _tunable(load_encoder_model(folder, kind), kind)


def build_tunable(folder: Path) -> Tunable:
    """Return such an encoder with random weights, of the shape that the folder's config.json says."""
    return _tunable(build_model(folder), _require_transformer(folder))


def load_hearing(folder: Path) -> Encode:
    """Return what turns a waveform, (time,) float32 at 16 kHz, into what `load_tunable` reads: (frames, bands).

    Of an encoder that reads waveforms it is (samples, 1).
    """
    inputs = _log_mel if _require_transformer(folder) == "whisper" else _inputs
    return functools.partial(inputs, load_extractor(folder))


def _tunable(model: nn.Module, kind: str) -> Tunable:
    return TunableWhisper(model.encoder) if kind == "whisper" else TunableTransformer(model)


def _log_mel(extractor: Callable, waveform: torch.Tensor) -> torch.Tensor:
    return whisper_log_mel(extractor, waveform)[0].T


def _inputs(extractor: Callable, waveform: torch.Tensor) -> torch.Tensor:
    values = transformer_inputs(extractor, waveform)[0]
    return values[:, None] if values.ndim == 1 else values


def _require_transformer(folder: Path) -> str:
    kind = family_of(folder)
    if kind == "torchaudio":
        raise ValueError(
            f"{folder}: holds one of torchaudio's pipelines, which cannot be fine-tuned here; the same encoders are on "
            "the Hugging Face hub (facebook/wav2vec2-base, facebook/hubert-base-ls960, microsoft/wavlm-base, …)"
        )
    return kind
