"""Trained models → their portable form, with batch norms and the temperature folded in."""

from typing import Any

import torch
from torch import nn

from ser.corpora.emotions import EMOTIONS
from ser.features.mel_power import MelPower
from ser.models.compact import Compact
from ser.networks.compact import CompactNet, DilatedBlock
from ser.portable.compact import Block, PortableCompact, ScaleShift


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
