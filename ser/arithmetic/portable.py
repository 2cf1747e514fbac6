"""Portable arithmetic: the same bytes on any x86-64 processor with AVX2.

torch, oneDNN, MKL, OpenBLAS and numpy each have several versions of their code and choose one by the processor. These
environment variables hold them all to the version that every processor with AVX2 has. A library reads its variable
once, so they must be set before it is imported.

`torch.sqrt` is not held by them: see `ser.arithmetic.square_root`.
"""

import os
import platform
import sys
from collections.abc import MutableMapping

CAPS = {
    "ATEN_CPU_CAPABILITY": "avx2",  # torch's own loops
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # convolutions and LSTMs
    "MKL_CBWR": "COMPATIBLE",  # matrix products, Fourier transforms; its other values hold only on Intel's processors
    "OPENBLAS_CORETYPE": "Haswell",  # linear algebra of numpy and SciPy
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",  # numpy's own loops
}
MARK = "SER_PORTABLE"
READERS = ("numpy", "torch")


def cap_instruction_sets(environment: MutableMapping[str, str] = os.environ) -> None:
    """Hold this process and its children to portable arithmetic; RuntimeError when a library has already chosen."""
    late = [name for name in READERS if name in sys.modules]
    if late:
        raise RuntimeError(f"portable arithmetic was asked for after {' and '.join(late)} had been imported")
    environment.update(CAPS, **{MARK: "1"})


def can_be_portable() -> bool:
    """Tell whether this is an x86-64 processor; whether it has AVX2, torch says."""
    return platform.machine() in ("x86_64", "AMD64")


def is_portable() -> bool:
    """Tell whether this process computes portably."""
    return os.environ.get(MARK) == "1"


def check_capped() -> None:
    """Raise RuntimeError unless the instruction sets are those of portable arithmetic."""
    import torch

    found = {name: os.environ.get(name) for name in CAPS}
    wrong = [f"{name} is {found[name]}, expected {value}" for name, value in CAPS.items() if found[name] != value]
    capability = torch.backends.cpu.get_cpu_capability()
    if capability != "AVX2":
        wrong.append(f"torch computes with {capability}, expected AVX2, which the processor may lack")
    if wrong:
        raise RuntimeError(f"not portable: {'; '.join(wrong)}. Set runtime.portable to false, or mend that.")
