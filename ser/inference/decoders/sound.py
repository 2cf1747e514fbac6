"""What every decoder returns."""

import dataclasses
from collections.abc import Iterator

import numpy as np

BLOCK_SAMPLES = 2**18  # of all channels together: 1 MiB as float32. With 2**20 a long recording took 30 MB more


@dataclasses.dataclass(frozen=True)
class Sound:
    """A recording as it is decoded; blocks: (time, channels) float32 in [-1, 1]."""

    sample_rate_hz: int
    channels: int
    blocks: Iterator[np.ndarray]
