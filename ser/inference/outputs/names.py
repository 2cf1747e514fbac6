"""Names of files that are made of recordings."""

import collections
from collections.abc import Iterable
from pathlib import PurePath


def unique_names(recordings: Iterable[str]) -> dict[str, str]:
    """Return for each recording its name without suffix; where two are the same, with the folders, joined by `_`."""
    recordings = list(recordings)
    counts = collections.Counter(PurePath(name).stem for name in recordings)
    return {name: PurePath(name).stem if counts[PurePath(name).stem] == 1 else _whole(name) for name in recordings}


def _whole(name: str) -> str:
    return "_".join(part for part in PurePath(name).parts if part not in ("/", ".."))
