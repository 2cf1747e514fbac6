"""VGGish (Hershey et al. 2017) from the published PyTorch port of its weights, with its PCA and quantisation.

The port is torchvggish's `vggish-10086976.pth`; it has a ReLU behind the embedding, too.
"""

import dataclasses
import pickle
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch.nn.functional import conv2d, linear, max_pool2d

from ser.encoders.audioset import PATCH, PATCH_SAMPLES, log_mel, pad_to, patches

FILE, PCA_FILE = "vggish-10086976.pth", "vggish_pca_params-970ea276.pth"
OFFSET = 0.01
CONVOLUTIONS = {0: 64, 3: 128, 6: 256, 8: 256, 11: 512, 13: 512}  # by their number in `features`
POOLED = (0, 3, 8, 13)  # those with a pooling behind them
PRODUCTS = {0: 4096, 2: 4096, 4: 128}  # by their number in `embeddings`
LIMIT = 2.0  # of the components, which have unit variance


@dataclasses.dataclass(frozen=True)
class Vggish:
    """The port's weights by their names, the PCA's vectors (128, 128) and means (128,)."""

    weights: dict[str, torch.Tensor]
    vectors: torch.Tensor
    means: torch.Tensor

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read both files in a folder; ValueError names one that is damaged, and all that it lacks."""
        weights = _read(folder / FILE, expected_shapes())
        pca = _read(folder / PCA_FILE, {"pca_eigen_vectors": (128, 128), "pca_means": None})
        return cls(weights, pca["pca_eigen_vectors"], pca["pca_means"].reshape(-1))

    def states(self, waveform: torch.Tensor) -> torch.Tensor:
        """Return (1, patches, 10240): each patch's layers (widths.VGGISH) side by side.

        The six convolutions' means over time and frequency, the three products, the last of which is the embedding, and
        the embedding as AudioSet was released with. waveform: (time,) float32 at 16 kHz.
        """
        maps, layers = heard(waveform)[:, None], []
        for number in CONVOLUTIONS:
            kernel, bias = (self.weights[f"features.{number}.{part}"] for part in ("weight", "bias"))
            maps = conv2d(maps, kernel, bias, padding=1).relu()
            layers.append(maps.mean(dim=(2, 3)))
            maps = max_pool2d(maps, 2) if number in POOLED else maps
        values = maps.permute(0, 2, 3, 1).flatten(1)  # (patch, time · frequency · channels), as TensorFlow lays it out
        for number in PRODUCTS:
            weight, bias = (self.weights[f"embeddings.{number}.{part}"] for part in ("weight", "bias"))
            values = linear(values, weight, bias).relu()
            layers.append(values)
        return torch.cat([*layers, postprocess(values, self.vectors, self.means)], dim=1)[None]

    @property
    def parameters(self) -> int:
        """How many numbers the network and its PCA have."""
        return sum(tensor.numel() for tensor in (*self.weights.values(), self.vectors, self.means))


def heard(waveform: torch.Tensor) -> torch.Tensor:
    """Return the patches (patch, 96, 64) of (time,), one behind the other; what fills none at the end is left out.

    A clip that is shorter than a patch is padded with zeros to one; the published code has none of it.
    """
    return patches(log_mel(pad_to(waveform, PATCH_SAMPLES), OFFSET), PATCH)


def postprocess(embeddings: torch.Tensor, vectors: torch.Tensor, means: torch.Tensor) -> torch.Tensor:
    """Return whitened principal components of (patch, 128), cut to ±2 and rounded to 0 … 255."""
    components = (embeddings - means) @ vectors.T
    return ((components.clamp(-LIMIT, LIMIT) + LIMIT) * (255 / (2 * LIMIT))).round()


def expected_shapes() -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of the published weights."""
    shapes: dict[str, tuple[int, ...]] = {}
    before = 1
    for number, width in CONVOLUTIONS.items():
        shapes |= {f"features.{number}.weight": (width, before, 3, 3), f"features.{number}.bias": (width,)}
        before = width
    before = 512 * 4 * 6
    for number, width in PRODUCTS.items():
        shapes |= {f"embeddings.{number}.weight": (width, before), f"embeddings.{number}.bias": (width,)}
        before = width
    return shapes


def _read(path: Path, shapes: dict[str, tuple[int, ...] | None]) -> dict[str, torch.Tensor]:
    """Return a file's tensors as float32; only tensors and plain arrays are read, nothing in it is run."""
    arrays: list[Any] = [np.ndarray, np.dtype, np.dtypes.Float32DType, np.dtypes.Float64DType]
    rebuild = np.ndarray.__reduce__(np.zeros(1))[0]
    # Old files of numpy call it by its former name
    rebuilds = [(rebuild, f"numpy.{package}.multiarray._reconstruct") for package in ("core", "_core")]
    try:
        with torch.serialization.safe_globals([*arrays, *rebuilds]):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ValueError(f"{path}: damaged, or holds more than weights ({reason}). Fetch it anew.") from error
    tensors = {name: torch.as_tensor(value).float() for name, value in content.items()}
    problems = [f"{name}: missing" for name in shapes if name not in tensors]
    problems += [
        f"{name}: has the shape {tuple(tensors[name].shape)}, expected {shape}"
        for name, shape in shapes.items()
        if shape and name in tensors and tensors[name].shape != shape
    ]
    if problems:
        raise ValueError("\n  ".join([f"{path} is not in the layout of the published file:", *problems]))
    return tensors
