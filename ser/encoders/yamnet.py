"""YAMNet (Plakal & Ellis 2020; MobileNet, Howard et al. 2017) from its published yamnet.h5: layers, classes."""

import dataclasses
import math
from pathlib import Path
from typing import Self

import h5py
import numpy as np
import torch
from torch.nn.functional import conv2d, pad

from ser.encoders.audioset import HOP, PATCH_SAMPLES, log_mel, pad_to, patches
from ser.encoders.widths import YAMNET as WIDTHS

FILE = "yamnet.h5"
OFFSET = 0.001
PATCH_HOP = 48  # frames: 0.48 s
EPSILON = 1e-4  # of batch norm, which has no gamma
STRIDES = (2, 1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
NORM = ("beta", "moving_mean", "moving_variance")
CLASSES = 521
SPEECH = 0  # of AudioSet's classes, as published in yamnet_class_map.csv

Convolution = tuple[torch.Tensor, torch.Tensor]  # kernel and bias, batch norm folded in


@dataclasses.dataclass(frozen=True)
class Yamnet:
    """Layers of one or two convolutions (depthwise, then pointwise), and the classes' weights and biases."""

    layers: list[list[Convolution]]
    classes: Convolution

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read `yamnet.h5` in a folder; ValueError names the file with all that it lacks, or that is damaged."""
        arrays = read_arrays(folder / FILE)
        layers = [[_folded(arrays, name, kernel) for name, kernel in _convolutions(layer)] for layer in range(14)]
        kernel, bias = (torch.from_numpy(arrays[f"logits/logits/{name}:0"]) for name in ("kernel", "bias"))
        return cls(layers, (kernel, bias))

    def states(self, waveform: torch.Tensor) -> torch.Tensor:
        """Return (1, patches, 5984): each patch's layers 1 to 14 (WIDTHS) side by side, means over time and frequency.

        waveform: (time,) float32 at 16 kHz. The last 1024 numbers are the embedding.
        """
        return torch.cat(self._means(waveform), dim=1)[None]

    def scores(self, waveform: torch.Tensor) -> torch.Tensor:
        """Return (patches, 521), the scores of AudioSet's classes, each from 0 to 1 on its own."""
        kernel, bias = self.classes
        return (self._means(waveform)[-1] @ kernel + bias).sigmoid()

    @property
    def parameters(self) -> int:
        """How many numbers the network has, after folding."""
        tensors = [tensor for layer in self.layers for pair in layer for tensor in pair] + [*self.classes]
        return sum(tensor.numel() for tensor in tensors)

    def _means(self, waveform: torch.Tensor) -> list[torch.Tensor]:
        maps, means = heard(waveform)[:, None], []
        for convolutions, stride in zip(self.layers, STRIDES, strict=True):
            first, *pointwise = convolutions
            maps = _convolve(maps, first, stride)
            for kernel, bias in pointwise:
                maps = conv2d(maps, kernel, bias).relu()
            means.append(maps.mean(dim=(2, 3)))
        return means


def heard(waveform: torch.Tensor) -> torch.Tensor:
    """Return the patches (patch, 96, 64) of (time,), padded with zeros to one patch and from there to a whole hop."""
    beyond = max(0, len(waveform) - PATCH_SAMPLES)
    hop = PATCH_HOP * HOP
    samples = PATCH_SAMPLES + math.ceil(beyond / hop) * hop
    return patches(log_mel(pad_to(waveform, samples), OFFSET), PATCH_HOP)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Return the file's arrays by name; ValueError lists all that are missing or have other shapes."""
    try:
        with h5py.File(path, "r") as file:
            found: dict[str, np.ndarray] = {}
            file.visititems(lambda name, item: found.update({name: item[()]} if isinstance(item, h5py.Dataset) else {}))
    except (OSError, RuntimeError, KeyError) as error:
        raise ValueError(f"{path}: damaged, or no HDF5 file ({error}). Fetch it anew.") from error
    problems = [f"{name}: missing" for name in expected_shapes() if name not in found]
    problems += [
        f"{name}: has the shape {found[name].shape}, expected {shape}"
        for name, shape in expected_shapes().items()
        if name in found and found[name].shape != shape
    ]
    if problems:
        more = [f"… and {len(problems) - 5} more"] if len(problems) > 5 else []
        listing = "\n  ".join([*problems[:5], *more])
        raise ValueError(f"{path} is not in the layout of the published yamnet.h5:\n  {listing}")
    return found


def expected_shapes() -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of the published file's arrays."""
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, (before, width) in enumerate(zip((1, *WIDTHS), WIDTHS, strict=False)):
        for name, kernel in _convolutions(layer):
            depthwise, side = kernel == "depthwise_kernel", 1 if "pointwise" in name else 3
            shapes[f"{name}/{name}/{kernel}:0"] = (side, side, before, 1 if depthwise else width)
            shapes |= {f"{name}/bn/{name}/bn/{part}:0": (before if depthwise else width,) for part in NORM}
    return shapes | {"logits/logits/kernel:0": (WIDTHS[-1], CLASSES), "logits/logits/bias:0": (CLASSES,)}


def _convolutions(layer: int) -> list[tuple[str, str]]:
    """Return name and kernel of a layer's convolutions."""
    if layer == 0:
        return [("layer1/conv", "kernel")]
    return [(f"layer{layer + 1}/depthwise_conv", "depthwise_kernel"), (f"layer{layer + 1}/pointwise_conv", "kernel")]


def _folded(arrays: dict[str, np.ndarray], name: str, kernel: str) -> Convolution:
    """Return a convolution (out, in, height, width) and its bias, with the batch norm behind it multiplied in."""
    weight = torch.from_numpy(arrays[f"{name}/{name}/{kernel}:0"])
    weight = weight.permute(2, 3, 0, 1) if kernel == "depthwise_kernel" else weight.permute(3, 2, 0, 1)
    beta, mean, variance = (torch.from_numpy(arrays[f"{name}/bn/{name}/bn/{part}:0"]) for part in NORM)
    scale = (variance + EPSILON).rsqrt()
    return (weight * scale[:, None, None, None]).contiguous(), beta - mean * scale


def _convolve(maps: torch.Tensor, convolution: Convolution, stride: int) -> torch.Tensor:
    """Convolve 3 × 3, each channel on its own behind the first layer; a stride of 2 pads below and to the right."""
    kernel, bias = convolution
    groups = maps.shape[1] // kernel.shape[1]
    before = 2 - stride
    return conv2d(pad(maps, (before, 1, before, 1)), kernel, bias, stride, groups=groups).relu()
