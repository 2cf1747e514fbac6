"""Layers that several networks share."""

import torch
from torch import nn

from ser.networks.cpu_layers import Conv2d, Dropout
from ser.storage.params import check

NORMALIZATIONS = ("none", "global", "per_band")


class Standardize(nn.Module):
    """Subtract a mean and divide by a standard deviation that were measured on the training clips.

    They are buffers, so they are saved and loaded with the weights. `band_axis` is the axis of mel bands or
    coefficients, counted from the end; `global` uses one mean and deviation for all of them, `per_band` one for each,
    `none` changes nothing.
    """

    def __init__(self, kind: str, bands: int, band_axis: int) -> None:
        super().__init__()
        check(kind in NORMALIZATIONS, "normalization", kind, " or ".join(NORMALIZATIONS))
        self.kind, self.band_axis = kind, band_axis
        shape = [bands if kind == "per_band" else 1] + [1] * (-band_axis - 1)
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("sd", torch.ones(shape))

    def fit(self, features: torch.Tensor) -> None:
        """Measure mean and standard deviation of training features (clip, …)."""
        if self.kind == "none":
            return
        axes = [
            axis for axis in range(features.ndim) if self.kind == "global" or axis != features.ndim + self.band_axis
        ]
        sd, mean = torch.std_mean(features, dim=axes)
        self.mean.copy_(mean.reshape(self.mean.shape))
        self.sd.copy_(sd.clamp_min(1e-5).reshape(self.sd.shape))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features if self.kind == "none" else (features - self.mean) / self.sd


def conv_block(channels_in: int, channels_out: int, kernel: int, dropout: float) -> nn.Sequential:
    """Conv (same size) → batch norm → ReLU → 2×2 max-pooling → dropout; halves height and width.

    ReLU stands after pooling: both orders give the same numbers, this one a quarter of the work.
    """
    return nn.Sequential(
        Conv2d(channels_in, channels_out, kernel, padding=kernel // 2),
        nn.BatchNorm2d(channels_out),
        nn.MaxPool2d(2),
        nn.ReLU(inplace=True),
        Dropout(dropout),
    )


def check_poolings(channels: tuple[int, ...], bands: int, frames: int) -> None:
    """Raise ParamsError when the blocks halve an input of `bands` × `frames` to nothing."""
    most = min(bands, frames).bit_length() - 1
    check(len(channels) <= most, "channels", channels, f"at most {most} blocks for {bands} bands and {frames} frames")


def check_fraction(name: str, value: float) -> None:
    """Raise ParamsError unless 0 ≤ value < 1."""
    check(0 <= value < 1, name, value, "0 to below 1")


def check_sizes(name: str, values: int | tuple[int, ...], odd: bool = False) -> None:
    """Raise ParamsError unless all values are positive (and odd, for kernels that keep the size)."""
    sizes = values if isinstance(values, tuple) else (values,)
    fits = bool(sizes) and all(size >= 1 and (size % 2 == 1 or not odd) for size in sizes)
    check(fits, name, values, "odd numbers above 0" if odd else "numbers above 0")
