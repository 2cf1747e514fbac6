"""What the bundled forms of all models are built by."""

from typing import Any, NamedTuple

import torch
from torch import nn


class Bundled(NamedTuple):
    """A network in its bundled form, and the arguments that build it."""

    network: nn.Module
    settings: dict[str, Any]


def copy(layer: nn.Module, trained: nn.Module) -> None:
    """Give a layer the numbers of one of the same shape."""
    layer.load_state_dict(trained.state_dict())


def fold(layer: nn.Module, trained: nn.Module, norm: nn.BatchNorm1d) -> None:
    """Give a linear layer or a convolution the numbers of one and of the batch norm after it."""
    scale, shift = scale_and_shift(norm)
    bias = torch.zeros_like(shift) if trained.bias is None else trained.bias.double()
    weight = trained.weight.double()
    layer.weight.copy_(weight * scale.view(-1, *[1] * (weight.ndim - 1)))
    layer.bias.copy_(bias * scale + shift)


def scale_and_shift(norm: nn.BatchNorm1d) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what a batch norm multiplies by and adds in evaluation, float64."""
    scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    return scale, norm.bias.double() - norm.running_mean.double() * scale
