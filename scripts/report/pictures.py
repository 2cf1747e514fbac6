"""Pictures that stages write: those that differ between two revisions."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from dvc.repo import Repo

from scripts.report.revisions import read_bytes

SUFFIXES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".svg": "image/svg+xml"}


class Picture(NamedTuple):
    """A picture of both revisions; None where a revision has none at hand."""

    path: str
    base: bytes | None
    head: bytes | None

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.path).suffix


def read_pictures(repo: Repo, base: str, head: str, locks: list[Mapping[str, Any]]) -> list[Picture]:
    """Return the pictures among the outputs in the locks that differ, sorted by path."""
    paths = {out["path"] for lock in locks for entry in lock.values() for out in entry.get("outs", [])}
    pictures = [
        Picture(path, read_bytes(repo, base, path), read_bytes(repo, head, path))
        for path in sorted(paths)
        if PurePosixPath(path).suffix in SUFFIXES
    ]
    return [picture for picture in pictures if picture.base != picture.head]
