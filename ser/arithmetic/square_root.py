"""The square root, portable where that is asked for."""

import torch

from ser.arithmetic.portable import is_portable


def square_root(values: torch.Tensor) -> torch.Tensor:
    """Return the square root of positive numbers.

    `torch.sqrt` calls a library of MKL, whose last bits differ between processors of Intel and AMD under every cap. The
    reciprocal root does not; with it the last bit may be another than torch's.
    """
    return values * values.rsqrt() if is_portable() else values.sqrt()
