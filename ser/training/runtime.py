"""How torch runs: seeds, threads, determinism, memory, device and precision."""

import contextlib
import ctypes
import dataclasses
import os
import random
import sys

import numpy as np
import torch

from ser.arithmetic.portable import check_capped, is_portable
from ser.storage.params import check

PRECISIONS = ("auto", "float32", "bfloat16")


@dataclasses.dataclass(frozen=True)
class RunSettings:
    """What all trainings share."""

    seed: int
    threads: int

    def __post_init__(self) -> None:
        check(0 <= self.seed < 2**32, "seed", self.seed, "0 to 2^32 - 1")
        check(1 <= self.threads <= 1024, "threads", self.threads, "1 to 1024")


def set_up_torch(threads: int) -> torch.device:
    """Make torch deterministic and fast, and return the device: the GPU if there is one, but the CPU if portable.

    Comes before all other work on tensors; RuntimeError when it finds that it did not, or that it cannot be portable.
    """
    if is_portable():
        check_capped()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with a fixed workspace
    torch.set_num_threads(threads)
    _flush_denormal_numbers()
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False
    _keep_freed_memory()
    return torch.device("cuda" if torch.cuda.is_available() and not is_portable() else "cpu")


def seed_generators(seed: int) -> None:
    """Seed every generator that a training may draw from."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def resolve_precision(precision: str, device: torch.device) -> str:
    """Return float32 or bfloat16; `auto` takes bfloat16 where the device multiplies it natively, unless portable."""
    check(precision in PRECISIONS, "precision", precision, " or ".join(PRECISIONS))
    if is_portable():
        check(precision != "bfloat16", "precision", precision, "auto or float32, as runtime.portable is true")
        return "float32"
    if precision != "auto":
        return precision
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported()
    else:  # AVX-512 with bfloat16 takes two thirds of float32's time for AudioCNN and CNN-LSTM; AVX2 emulates it
        native = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    return "bfloat16" if native else "float32"


def autocast(precision: str, device: torch.device) -> contextlib.AbstractContextManager:
    """Context in which matrix products and convolutions run in that precision."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def _flush_denormal_numbers() -> None:
    """Have all threads round the numbers nearest to zero to zero, where the processor can.

    Gradients that vanish over 301 time steps, and their squares in Adam, come down to denormal numbers, which
    processors handle many times slower. A thread inherits the setting when it starts, with the first parallel work.
    """
    if not torch.set_flush_denormal(True):
        return
    halved = torch.full((2**20,), torch.finfo(torch.float32).tiny) / 2  # of a size that all threads share
    if halved.view(torch.int32).any():
        raise RuntimeError("set_up_torch() came after parallel work on tensors, whose threads keep denormal numbers")


def _keep_freed_memory() -> None:
    """Tell glibc to reuse large blocks instead of handing each back to the system.

    A training step allocates dozens of buffers of up to 100 MB; clearing fresh pages for each took a third of
    AudioCNN's step.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        trim_threshold, mmap_max = -1, -4  # M_TRIM_THRESHOLD, M_MMAP_MAX in malloc.h
        mallopt(mmap_max, 0)
        mallopt(trim_threshold, 2**31 - 1)
