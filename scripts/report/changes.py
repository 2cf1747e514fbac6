"""Params and metrics of two revisions, value by value, by DVC's own diff."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from dvc.repo import Repo


class Change(NamedTuple):
    """A param or metric, changed or not; None where a revision lacks it."""

    file: str
    key: str
    base: Any
    head: Any


def read_params(repo: Repo, base: str, head: str) -> tuple[list[Change], list[str]]:
    """Return the params that differ, sorted, and what could not be read."""
    return _changes(repo.params.diff(base, head))


def read_metrics(repo: Repo, base: str, head: str) -> tuple[list[Change], list[str]]:
    """Return all metrics, sorted, those that do not differ included, and what could not be read."""
    return _changes(repo.metrics.diff(base, head, all=True))


def _changes(found: Mapping[str, Any]) -> tuple[list[Change], list[str]]:
    changes = [
        Change(file, key, values.get("old"), values.get("new"))
        for file, diff in found.get("diff", {}).items()
        for key, values in diff.items()
    ]
    problems = [problem for rev, errors in found.get("errors", {}).items() for problem in _problems(rev, errors)]
    return sorted(changes, key=lambda change: (change.file, change.key)), problems


def _problems(rev: str, errors: Exception | Mapping[str, Exception]) -> Iterator[str]:
    """Say what DVC could not read: a whole revision, or some of its files."""
    if isinstance(errors, Exception):
        yield f"{rev}: {errors or type(errors).__name__}"
    else:
        for file, error in errors.items():
            yield f"{rev} has no readable {file} ({type(error).__name__})"
