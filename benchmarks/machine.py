"""What the measurements ran on, as far as it matters for them."""

import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

# Instruction sets that decide how fast matrix products are, and whether bfloat16 is native
INSTRUCTIONS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16", "asimd", "sve", "bf16")
PACKAGES = ("torch", "torchaudio", "librosa", "dvc")


def describe() -> str:
    """GPU if there is one, processor, cores, memory, system and versions, in one paragraph."""
    fields = _cpuinfo()
    flags = set((fields.get("flags") or fields.get("Features") or "").split())
    found = [name for name in INSTRUCTIONS if name in flags]
    processor = fields.get("model name") or platform.processor() or platform.machine()
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = ", ".join(filter(None, map(_version, PACKAGES)))
    return (
        f"{_gpu()}{processor}, {os.cpu_count()} cores ({', '.join(found) or 'no vector instructions known'}), "
        f"{memory_gib:.0f} GiB of memory, {sys.platform}; Python {platform.python_version()}, {versions}."
    )


def load() -> float:
    """The mean number of processes that wanted to run in the last minute: well below 1 on a quiet machine."""
    return os.getloadavg()[0]


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:  # not every measurement needs each
        return ""


def _gpu() -> str:
    if not shutil.which("nvidia-smi"):
        return ""
    names = subprocess.run(
        ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"], capture_output=True, text=True
    ).stdout
    return "".join(f"{name}, " for name in names.splitlines())


def _cpuinfo() -> dict[str, str]:
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
