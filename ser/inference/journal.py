"""What has been heard so far, so that a stopped run goes on: a line a file, beside the file that shall be written."""

import base64
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ser.inference.rows import Heard, Row


class Journal:
    """The recordings of one run with --out; each is kept as soon as it is heard."""

    def __init__(self, out: Path, settings: dict[str, Any], embeddings: bool) -> None:
        """settings: all that the rows depend on; a journal of others is begun anew."""
        self.path = out.with_name(f".{out.name}.partial")
        self._embeddings = embeddings
        self._begins: dict[str, int] = {}
        head = json.dumps(settings | {"embeddings": embeddings}, sort_keys=True).encode() + b"\n"
        if not self._read(head):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_bytes(head)

    def holds(self, path: Path) -> bool:
        """Whether a file was heard, and has not changed since."""
        return _state(path) in self._begins

    def add(self, heard: Heard) -> None:
        """Keep a recording."""
        record = {"state": _state(Path(heard.name))} | dataclasses.asdict(heard) | {"envelope": None}
        record["rows"] = [self._packed(row) for row in heard.rows]
        with self.path.open("ab") as file:
            self._begins[record["state"]] = file.tell()
            file.write(json.dumps(record).encode() + b"\n")

    def read(self, paths: list[Path]) -> Iterator[Heard]:
        """Return the recordings that were heard, in the order of `paths`."""
        with self.path.open("rb") as file:
            for path in paths:
                if (begin := self._begins.get(_state(path))) is not None:
                    file.seek(begin)
                    record = json.loads(file.readline())
                    del record["state"]
                    yield Heard(**record | {"rows": [_unpacked(row) for row in record["rows"]]})

    def delete(self) -> None:
        """Forget the run: it is finished."""
        self.path.unlink()

    def _read(self, head: bytes) -> bool:
        """Whether there is a journal of the same settings; finds its lines, and drops a half one at its end."""
        if not self.path.is_file():
            return False
        with self.path.open("r+b") as file:
            if file.readline() != head:
                return False
            while True:
                begin = file.tell()
                line = file.readline()
                if not line.endswith(b"\n"):
                    file.truncate(begin)
                    return True
                self._begins[json.loads(line)["state"]] = begin

    def _packed(self, row: Row) -> dict[str, Any]:
        arrays = (row.log_probabilities, row.embedding if self._embeddings else None)
        return dataclasses.asdict(row) | dict(zip(("log_probabilities", "embedding"), map(_text, arrays), strict=True))


def _unpacked(row: dict[str, Any]) -> Row:
    return Row(**row | {key: _array(row[key]) for key in ("log_probabilities", "embedding")})


def _text(array: np.ndarray | None) -> str | None:
    return None if array is None else base64.b64encode(array.astype("<f4").tobytes()).decode()


def _array(text: str | None) -> np.ndarray | None:
    return None if text is None else np.frombuffer(base64.b64decode(text), "<f4")


def _state(path: Path) -> str:
    try:
        found = path.stat()
    except OSError:
        return f"{path} missing"
    return f"{path} {found.st_size} {found.st_mtime_ns}"
