"""What every decoder returns."""

import dataclasses
from collections.abc import Iterator

import numpy as np

BLOCK_SAMPLES = 2**20  # of all channels together: 4 MiB as float32


@dataclasses.dataclass(frozen=True)
class Sound:
    """A recording as it is decoded; blocks: (time, channels) float32 in [-1, 1]."""

    sample_rate_hz: int
    channels: int
    blocks: Iterator[np.ndarray]
