"""Tensor files larger than memory: `.pt` files whose one large tensor is written and read chunk by chunk.

The format is that of torch.save, https://docs.pytorch.org/docs/stable/notes/serialization.html: a zip archive with the
dictionary as a pickle, in which a tensor is its shape and the number of a record, and the records beside it.
"""

import collections
import dataclasses
import io
import math
import pickle
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import torch

from ser.storage.files import replacing
from ser.storage.tensors import require_keys, unreadable_named

_STORAGES = {torch.float32: torch.FloatStorage, torch.int64: torch.LongStorage}


def save_stream(key: str, chunks: Iterable[torch.Tensor], rest: Callable[[], dict[str, Any]], path: Path) -> None:
    """Save what `save_tensors` would save of {key: torch.cat(chunks), **rest()}, holding one chunk at a time.

    chunks: one or more of (rows, …), float32 or int64 on the CPU. `rest` is called after the last chunk. The same
    content gives the same bytes, however it is cut into chunks; OSError names the file when it cannot be written.
    """
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        content: dict[str, Any] = {key: _write(archive, 0, chunks)}
        if not content[key].storage.numel:
            raise ValueError(f"{path}: there are no rows to save. Look at `data/clips.csv`.")
        for name, value in rest().items():
            content[name] = _write(archive, len(content), [value]) if isinstance(value, torch.Tensor) else value
        _add(archive, "data.pkl", _pickled({name: content[name] for name in sorted(content)}))
        _add(archive, "byteorder", sys.byteorder.encode())
        _add(archive, "version", b"3\n")


def load_stream(path: Path, key: str, rows: int) -> tuple[dict[str, Any], Iterator[torch.Tensor]]:
    """Return a file's other entries, and its only tensor, `key`, in chunks of so many rows, the last one shorter.

    ValueError names the file when it is damaged, unsafe or lacks the key; damage within the tensor shows with its last
    chunk.
    """
    with unreadable_named(path):
        content = torch.load(path, map_location="meta", weights_only=True)  # shapes only, no data
    described = require_keys(content, (key,), path).pop(key)
    return content, _chunks(path, described, rows)


def _chunks(path: Path, described: torch.Tensor, rows: int) -> Iterator[torch.Tensor]:
    with unreadable_named(path), zipfile.ZipFile(path) as archive:
        [name] = [name for name in archive.namelist() if "/data/" in name]
        with archive.open(name) as record:
            for chunk in described.split(rows):
                values = torch.empty(chunk.shape, dtype=chunk.dtype)
                if record.readinto(values.numpy().data.cast("B")) != values.nbytes:
                    raise ValueError(f"{name} ends early")
                yield values


@dataclasses.dataclass(frozen=True)
class _Storage:
    """Stands in a pickle for the values of a tensor, in a record of their own."""

    kind: type
    record: int
    numel: int


@dataclasses.dataclass(frozen=True)
class _Tensor:
    """Is pickled as a contiguous tensor."""

    storage: _Storage
    shape: tuple[int, ...]

    def __reduce__(self) -> tuple[Any, ...]:
        strides = tuple(math.prod(self.shape[axis + 1 :]) for axis in range(len(self.shape)))
        arguments = (self.storage, 0, self.shape, strides, False, collections.OrderedDict())
        return torch._utils._rebuild_tensor_v2, arguments


class _Pickler(pickle.Pickler):
    def persistent_id(self, value: Any) -> tuple[Any, ...] | None:
        if isinstance(value, _Storage):
            return "storage", value.kind, str(value.record), "cpu", value.numel
        return None


def _pickled(content: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    _Pickler(buffer, protocol=2).dump(content)
    return buffer.getvalue()


def _write(archive: zipfile.ZipFile, number: int, chunks: Iterable[torch.Tensor]) -> _Tensor:
    rows, chunk = 0, torch.empty(0)
    with archive.open(_record(f"data/{number}"), "w", force_zip64=True) as record:
        for chunk in chunks:
            record.write(chunk.contiguous().numpy().data)
            rows += len(chunk)
    shape = (rows, *chunk.shape[1:])
    return _Tensor(_Storage(_STORAGES[chunk.dtype], number, math.prod(shape)), shape)


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(_record(name), content)


def _record(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(f"archive/{name}")  # of 1980: a name alone would be dated today
