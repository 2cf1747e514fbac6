"""Dictionaries of tensors on disk: written whole, the same bytes on every run, read without pickles."""

from pathlib import Path
from typing import Any

import torch

from stages.ser.files import replacing


def save_tensors(content: dict[str, Any], path: Path) -> None:
    """Save tensors (and plain lists and strings) as contiguous CPU tensors in sorted key order."""
    plain = {key: _portable(content[key]) for key in sorted(content)}
    # torch.save writes the name of a path into the archive, but no name for a file object: the bytes stay equal
    with replacing(path) as temporary, temporary.open("wb") as file:
        torch.save(plain, file)


def load_tensors(path: Path, keys: tuple[str, ...] = ()) -> dict[str, Any]:
    """Load such a dictionary onto the CPU; ValueError names the file when it is damaged, unsafe or lacks a key."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise
    except Exception as error:  # torch.load raises whatever the damage leads to
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ValueError(f"{path}: not a readable tensor file ({reason}). Delete it and run `dvc repro`.") from error
    missing = [key for key in keys if not isinstance(content, dict) or key not in content]
    if missing:
        raise ValueError(f"{path}: lacks {missing}. Delete it and run `dvc repro`.")
    return content


def _portable(value: Any) -> Any:
    # A clone: `contiguous` keeps odd strides of axes of length 1, and a slice would be saved with all of its base
    is_tensor = isinstance(value, torch.Tensor)
    return value.detach().cpu().clone(memory_format=torch.contiguous_format) if is_tensor else value
