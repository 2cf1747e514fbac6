"""Trained models → their portable form, with batch norms and the temperature folded in."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torchaudio.transforms import Resample

from ser.corpora.emotions import EMOTIONS
from ser.encoders.extraction import Copy
from ser.encoders.loading import load_encoder_model, load_extractor
from ser.features.mel_power import MelPower
from ser.models.compact import Compact
from ser.models.encoder import WEIGHTS, EncoderModel
from ser.models.logistic import LogisticHead
from ser.networks.compact import CompactNet, DilatedBlock
from ser.portable.compact import Block, PortableCompact, ScaleShift
from ser.portable.encoder import PortableEncoder
from ser.portable.fused import PortableFused
from ser.portable.whisper import N_FFT, WhisperStates


def compact_settings(model: Compact) -> dict[str, Any]:
    """Return what PortableCompact is built from."""
    logmel, config = model.front_end["logmel"], model.config
    return {
        "n_fft": logmel["n_fft"],
        "hop_samples": logmel["hop_samples"],
        "bands": model.bands,
        "trim_db": logmel["trim_db"],
        "top_db": logmel["top_db"],
        "front": list(config.front),
        "width": config.width,
        "kernel": config.kernel,
        "dilations": list(config.dilations),
        "lstm_hidden": config.lstm_hidden,
        "heads": config.heads,
        "emotions": len(EMOTIONS),
    }


@torch.no_grad()
def build_compact(model: Compact, temperature: float) -> PortableCompact:
    """Return CompactNet with its front end, calibrated by a temperature."""
    settings = compact_settings(model)
    built, trained = PortableCompact(**settings).eval(), model.network.cpu().eval()
    mel = MelPower(
        model.front_end["sample_rate_hz"], settings["bands"], settings["n_fft"], settings["hop_samples"], "constant"
    )
    built.mel.fill(mel.window, mel.filters)
    for name in ("mean", "sd", "level_mean", "level_sd"):
        getattr(built, name).copy_(getattr(trained.standardize, name))
    for layer, convolution, norm in zip(built.front, trained.front, trained.front_norms, strict=True):
        fold(layer, convolution, norm)
    copy(built.project, trained.project)
    for block, trained_block in zip(built.blocks, trained.blocks, strict=True):
        _fill_block(block, trained_block)
    _settle(built.norm, trained.norm)
    if built.recurrent is not None:
        copy(built.recurrent, trained.recurrent)
    copy(built.pool.hidden, trained.pool.scores[0])
    copy(built.pool.scores, trained.pool.scores[2])
    _fill_head(built, trained, temperature)
    return built


def encoder_settings(folder: Path, copies: tuple[Copy, ...], embedding_layer: int, temperature: float) -> dict[str, Any]:
    """Return what PortableEncoder is built from; folder: of Whisper's weights. ValueError names what it cannot be."""
    config = load_encoder_model(folder, "whisper").config
    own, *others = copies
    if own.ratio[0] != own.ratio[1] or len({copy.trim_db for copy in copies}) > 1:
        raise ValueError(f"copies: expected the clip's own speed first and one trim_db, found {copies}")
    return {
        "trim_db": own.trim_db,
        "ratios": [list(copy.ratio) for copy in others],
        "taps": [Resample(copy.ratio[1], copy.ratio[0]).kernel.shape[2] for copy in others],
        "whisper": {
            "bands": config.num_mel_bins,
            "width": config.d_model,
            "layers": config.encoder_layers,
            "heads": config.encoder_attention_heads,
            "feed_forward": config.encoder_ffn_dim,
            "positions": config.max_source_positions,
        },
        "embedding_layer": embedding_layer,
        "emotions": len(EMOTIONS),
        "temperature": temperature,
    }


@torch.no_grad()
def build_encoder(folder: Path, embedding_layer: int, temperature: float) -> PortableEncoder:
    """Return the model of a folder that `save_encoder_model` wrote, calibrated by a temperature.

    ValueError when it is no Whisper with logistic regression.
    """
    model = EncoderModel.load(folder)
    if not isinstance(model.head, LogisticHead):
        raise ValueError(f"{folder}: its head is a {type(model.head).__name__}; only logistic regression is released")
    built = PortableEncoder(**encoder_settings(folder / WEIGHTS, model.copies, embedding_layer, temperature)).eval()
    for speed, copy in zip(built.speeds, model.copies[1:], strict=True):
        speed.filters.copy_(Resample(copy.ratio[1], copy.ratio[0]).kernel[:, 0].T)
    _fill_whisper(built.encoder, folder / WEIGHTS)
    scaler, regression = model.head.steps.named_steps.values()
    built.mean.copy_(torch.from_numpy(scaler.mean_))
    built.head.weight.copy_(torch.from_numpy(regression.coef_ / scaler.scale_))
    built.head.bias.copy_(torch.from_numpy(np.asarray(regression.intercept_)))
    return built


@torch.no_grad()
def build_fused(compact: Compact, folder: Path, embedding_layer: int, weights: list[float], floor: float) -> PortableFused:
    """Return CompactNet and an encoder's model, from its folder, summed by weights."""
    members = build_compact(compact, 1.0), build_encoder(folder, embedding_layer, 1.0)
    copies = EncoderModel.load(folder).copies
    built = PortableFused(
        compact_settings(compact),
        encoder_settings(folder / WEIGHTS, copies, embedding_layer, 1.0),
        weights,
        floor,
    )
    for part, member in zip((built.compact, built.encoder), members, strict=True):
        part.load_state_dict(member.state_dict())
    return built.eval()


def _fill_whisper(built: WhisperStates, folder: Path) -> None:
    trained = load_encoder_model(folder, "whisper").encoder.state_dict()
    left = built.load_state_dict(trained, strict=False)
    if left.unexpected_keys or not all(name.startswith("mel.") for name in left.missing_keys):
        raise ValueError(f"{folder}: other weights than a Whisper encoder has: {left}")
    filters = torch.from_numpy(load_extractor(folder).mel_filters).float()
    built.mel.fill(torch.hann_window(N_FFT), filters)


def copy(layer: nn.Module, trained: nn.Module) -> None:
    """Give a layer the numbers of one of the same shape."""
    layer.load_state_dict(trained.state_dict())


def fold(layer: nn.Module, trained: nn.Module, norm: nn.BatchNorm1d) -> None:
    """Give a linear layer or a convolution the numbers of one and the batch norm after it."""
    scale, shift = scale_and_shift(norm)
    bias = torch.zeros_like(shift) if trained.bias is None else trained.bias.double()
    weight = trained.weight.double()
    layer.weight.copy_(weight * scale.view(-1, *[1] * (weight.ndim - 1)))
    layer.bias.copy_(bias * scale + shift)


def scale_and_shift(norm: nn.BatchNorm1d) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what a batch norm multiplies by and adds in evaluation, float64."""
    scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    return scale, norm.bias.double() - norm.running_mean.double() * scale


def _settle(layer: ScaleShift, norm: nn.BatchNorm1d) -> None:
    scale, shift = scale_and_shift(norm)
    layer.scale.copy_(scale)
    layer.shift.copy_(shift)


def _fill_block(block: Block, trained: DilatedBlock) -> None:
    _settle(block.before, trained.before)
    fold(block.dilated, trained.dilated, trained.after)
    copy(block.mix, trained.mix)


def _fill_head(built: PortableCompact, trained: CompactNet, temperature: float) -> None:
    _, hidden, norm, _, output = trained.head
    fold(built.hidden, hidden, norm)
    built.output.weight.copy_(output.weight.double() / temperature)
    built.output.bias.copy_(output.bias.double() / temperature)
