"""Dictionaries of tensors on disk: written whole, the same bytes on every run, read without pickles."""

import contextlib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from ser.storage.files import replacing


def save_tensors(content: dict[str, Any], path: Path) -> None:
    """Save tensors (and plain lists and strings) as contiguous CPU tensors in sorted key order.

    OSError names the file when it cannot be written.
    """
    plain = {key: _portable(content[key]) for key in sorted(content)}
    # torch.save writes the name of a path into the archive, but no name for a file object: the bytes stay equal
    with replacing(path) as temporary, temporary.open("wb") as file:
        try:
            torch.save(plain, file)
        except RuntimeError as error:  # of torch closing the archive, hiding why it could not be written
            raise error.__context__ if isinstance(error.__context__, OSError) else error from None


def load_tensors(path: Path, keys: tuple[str, ...] = ()) -> dict[str, Any]:
    """Load such a dictionary onto the CPU; ValueError names the file when it is damaged, unsafe or lacks a key."""
    with unreadable_named(path):
        _check_sums(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    return require_keys(content, keys, path)


def require_keys(content: Any, keys: tuple[str, ...], path: Path) -> dict[str, Any]:
    """Return what was read from `path` if it is a dictionary with these keys; else ValueError names what it lacks."""
    missing = [key for key in keys if not isinstance(content, dict) or key not in content]
    if missing:
        raise ValueError(f"{path}: lacks {missing}. Delete it and run `dvc repro`.")
    return content


@contextlib.contextmanager
def unreadable_named(path: Path) -> Iterator[None]:
    """Turn whatever reading a damaged or unsafe file raises into a ValueError that names it and says what to do."""
    try:
        yield
    except FileNotFoundError:
        raise
    except Exception as error:  # torch.load and zipfile raise whatever the damage leads to
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ValueError(f"{path}: not a readable tensor file ({reason}). Delete it and run `dvc repro`.") from error


def _check_sums(path: Path) -> None:
    # torch.save writes a check sum (CRC-32) beside each tensor, and torch.load does not look at it
    with zipfile.ZipFile(path) as archive:
        if damaged := archive.testzip():
            raise ValueError(f"bad check sum of {damaged}")


def _portable(value: Any) -> Any:
    # A clone: `contiguous` keeps odd strides of axes of length 1, and a slice would be saved with all of its base
    is_tensor = isinstance(value, torch.Tensor)
    return value.detach().cpu().clone(memory_format=torch.contiguous_format) if is_tensor else value
