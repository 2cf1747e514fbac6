"""What a corpus is: where it comes from, and what its published file names say of a clip."""

import dataclasses
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Protocol


class CorpusError(ValueError):
    """Files that are not what the corpus should hold; the message lists all of them."""


class ClipFields(Protocol):
    """What the name of a clip says; None where it says nothing."""

    clip: str
    emotion: str  # one of EMOTIONS, or the corpus's own word for another
    intensity: str | None
    statement: int | str | None
    repetition: int | None
    actor: int | str

    @property
    def sex(self) -> str | None: ...


@dataclasses.dataclass(frozen=True)
class Named:
    """The fields of a clip of most corpora."""

    clip: str
    emotion: str
    actor: int | str
    sex: str | None = None
    statement: int | str | None = None
    repetition: int | None = None
    intensity: str | None = None


@dataclasses.dataclass(frozen=True)
class Corpus:
    """A published corpus."""

    name: str  # as corpus.name in params.yaml
    title: str
    home: str
    licence: str
    citation: str
    layout: str  # the path of one of its clips, as published
    parse: Callable[[PurePosixPath | Path], ClipFields]  # ValueError says what of a path does not fit

    @property
    def variable(self) -> str:
        """The environment variable that names a local copy."""
        return f"{self.name.upper()}_SOURCE"


def unexpected(layout: str) -> ValueError:
    """The error of a name that is none of the corpus's."""
    return ValueError(f"expected a name like {PurePosixPath(layout).name}")
