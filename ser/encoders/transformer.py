"""Encoders of transformers other than Whisper, on one clip at its own length: what they hear, and their states."""

import copy
from collections.abc import Callable

import torch
from torch import nn
from transformers import ASTFeatureExtractor

from ser.encoders.waveforms import SAMPLE_RATE_HZ

AST = "audio-spectrogram-transformer"
WINDOW, HOP = 400, 160  # samples, of AST's features


def transformer_inputs(extractor: Callable, waveform: torch.Tensor) -> torch.Tensor:
    """Return what a model reads of a waveform (time,): (1, samples) or (1, frames, bands), without padding."""
    if isinstance(extractor, ASTFeatureExtractor):  # it would pad or cut to this length; threads share the original
        extractor = copy.copy(extractor)
        extractor.max_length = 1 + (len(waveform) - WINDOW) // HOP
    heard = extractor(waveform.numpy(), sampling_rate=SAMPLE_RATE_HZ, return_tensors="pt")
    values, mask = heard[extractor.model_input_names[0]], heard.get("attention_mask")
    return values if mask is None else values[:, mask[0].bool()]


def transformer_states(model: nn.Module, values: torch.Tensor) -> torch.Tensor:
    """Return the hidden states (layers, frames, width); layer 0 is what the first transformer layer reads.

    ValueError when a clip is too short for a frame, or longer than AST hears.
    """
    if model.config.model_type == AST:
        return _patch_states(model, values)
    return torch.cat(model(values, output_hidden_states=True).hidden_states)


def _patch_states(model: nn.Module, values: torch.Tensor) -> torch.Tensor:
    """As `ASTModel.forward`, which takes one length only, on the first columns of its position table.

    Return means over frequency of the patches that stand at one time; the two tokens without a place are left out.
    """
    parts, config = model.embeddings, model.config
    rows, columns = parts.get_shape(config)
    if values.shape[1] < config.patch_size:
        raise ValueError(f"a clip has {values.shape[1]} frames of 10 ms; AST needs {config.patch_size} or more")
    patches = parts.patch_embeddings.projection(values[:, None].transpose(2, 3)).permute(0, 2, 3, 1)
    frames = patches.shape[2]
    if frames > columns:
        raise ValueError(f"a clip has {frames} frames of {config.time_stride * 10} ms; this AST hears {columns}")
    places = parts.position_embeddings[:, 2:].unflatten(1, (rows, columns))[:, :, :frames]
    tokens = torch.cat([parts.cls_token, parts.distillation_token], dim=1) + parts.position_embeddings[:, :2]
    states = [torch.cat([tokens, (patches + places).flatten(1, 2)], dim=1)]
    for layer in model.layers:
        states.append(layer(states[-1]))
    states[-1] = model.layernorm(states[-1])
    return torch.cat(states)[:, 2:].unflatten(1, (rows, frames)).mean(dim=1)
