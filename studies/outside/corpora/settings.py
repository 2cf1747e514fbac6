"""The corpora that are studied, their files in this project, and its settings."""

import dataclasses
from pathlib import Path

import pandas as pd

from ser.corpora.clip_table import read_clips
from ser.corpora.emotions import EMOTIONS
from ser.storage.params import build, check, read_params

PROJECT = Path("studies/outside/corpora")
PARAMS = PROJECT / "params.yaml"
REUSED = "ravdess"
# Corpora of the same speakers: neither is new to a model that was trained on the other
SAME_SPEAKERS = ({"ravdess", "ravdess_song"},)


@dataclasses.dataclass(frozen=True)
class CorporaSettings:
    studied: tuple[str, ...]
    fetched: tuple[str, ...]

    def __post_init__(self) -> None:
        for key in ("studied", "fetched"):
            names = getattr(self, key)
            check(len(set(names)) == len(names), key, names, "each corpus once")
        expected = tuple(name for name in self.studied if name != REUSED)
        check(set(self.fetched) == set(expected), "fetched", self.fetched, f"those of studied but {REUSED}: {expected}")


def read_studied() -> tuple[str, ...]:
    """Return the names of the corpora that are studied."""
    return build(CorporaSettings, read_params(PARAMS, "corpora"), "corpora", str(PARAMS)).studied


def read_corpus(name: str) -> pd.DataFrame:
    """Return the clip table of a corpus with all its clips, also those of emotions outside the eight."""
    return read_clips(PROJECT / f"tables/{name}.csv", "clip", "path", "actor", "sex", "duplicate_of")


def sounds_of(name: str, clips: pd.DataFrame) -> list[Path]:
    """Return the paths of a fetched corpus's clips."""
    return [PROJECT / "raw" / name / path for path in clips["path"]]


def emotions_of(*tables: pd.DataFrame) -> list[str]:
    """List those of the eight emotions that clips have, in their order."""
    found = set().union(*(table["emotion"] for table in tables))
    return [emotion for emotion in EMOTIONS if emotion in found]


def same_speakers(first: str, second: str) -> bool:
    return any({first, second} <= group for group in SAME_SPEAKERS)
