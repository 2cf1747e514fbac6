"""A progress bar on standard error, where that is a terminal."""

import contextlib
import sys
from collections.abc import Iterable, Iterator
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Bar(Protocol):
    """Counts files, and seconds of sound."""

    def files(self, found: Iterable[T]) -> Iterator[T]: ...

    def sound(self, seconds: float) -> object: ...


class _NoBar:
    def files(self, found: Iterable[T]) -> Iterator[T]:
        return iter(found)

    def sound(self, seconds: float) -> None:
        pass


class _Terminal:
    def __init__(self, bar: Any) -> None:
        self._bar, self._sound_s = bar, 0.0

    def files(self, found: Iterable[T]) -> Iterator[T]:
        for one in found:
            yield one
            self._bar.update()

    def sound(self, seconds: float) -> None:
        self._sound_s += seconds
        self._bar.set_postfix_str(f"{self._sound_s:.0f} s of sound")


@contextlib.contextmanager
def progress(files: int) -> Iterator[Bar]:
    """Show a bar on work that takes longer than a second."""
    if not sys.stderr.isatty():
        yield _NoBar()
        return
    from tqdm import tqdm

    with tqdm(total=files, unit="file", delay=1, leave=False) as bar:
        yield _Terminal(bar)
