"""policy.yaml: by how much a metric may fall. Metrics of two revisions → a check of each metric that it names."""

import math
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from scripts.report.changes import Change
from ser.storage.yaml12 import parse_yaml

WILDCARDS = "*?["  # a name with one of these is a pattern, read as `fnmatch` reads it
ROUNDING = 1e-9  # 0.53 - 0.5 is 0.030000000000000027: a fall by just the allowed amount passes


class Check(NamedTuple):
    """One metric against the policy; `base` and `head` are None where there is no number."""

    file: str  # or the pattern, where no file matches it
    key: str
    base: float | None
    head: float | None
    may_fall: float
    problem: str  # empty where the check passes


def read_policy(path: Path) -> dict[str, dict[str, float]]:
    """Return the allowed fall by metrics file or pattern, and key; ValueError names what is missing or impossible."""
    if not path.is_file():
        raise ValueError(f"{path}: no such file; it says by how much each metric may fall")
    return parse_policy(path.read_text(encoding="utf-8"), str(path))


def parse_policy(text: str, name: str) -> dict[str, dict[str, float]]:
    """Read the text of a policy; `name` is what errors call it."""
    policy = parse_yaml(text, name)
    if not isinstance(policy, dict) or list(policy) != ["may_fall"] or not isinstance(policy["may_fall"], dict):
        raise ValueError(f"{name}: expected one section `may_fall`, found {policy!r}")
    limits = policy["may_fall"]
    if not limits or not all(isinstance(metrics, dict) and metrics for metrics in limits.values()):
        raise ValueError(f"{name}: expected metrics files, and metrics under each, in `may_fall`; found {limits!r}")
    for file, metrics in limits.items():
        for key, amount in metrics.items():
            if number(amount) is None or amount < 0:
                raise ValueError(f"{name}: {file}: {key}: expected an amount of 0 or more, found {amount!r}")
    return limits


def judge(policy: Mapping[str, Mapping[str, float]], metrics: Sequence[Change]) -> list[Check]:
    """Check every metric of the policy, failures first, then sorted by file and key.

    One that the head lacks fails; one that only the base lacks has nothing to fall from, and passes. A pattern names
    the files that have the metric in either revision, and fails where there is none.
    """
    checks = [
        found
        for name, limits in policy.items()
        for key, may_fall in limits.items()
        for found in check_files(name, key, may_fall, metrics)
    ]
    return sorted(checks, key=lambda check: (not check.problem, check.file, check.key))


def check_files(name: str, key: str, may_fall: float, metrics: Sequence[Change]) -> Iterator[Check]:
    """Yield the checks of one metric in the files that a name or a pattern stands for: one at least."""
    if not any(wildcard in name for wildcard in WILDCARDS):
        same = (metric for metric in metrics if (metric.file, metric.key) == (name, key))
        yield check(next(same, Change(name, key, None, None)), may_fall)
        return
    matched = [metric for metric in metrics if metric.key == key and fnmatchcase(metric.file, name)]
    yield from (check(metric, may_fall) for metric in matched)
    if not matched:
        yield Check(name, key, None, None, may_fall, "no file of either revision has it")


def check(metric: Change, may_fall: float) -> Check:
    """Compare one metric of two revisions with the fall that it may show."""
    base, head = number(metric.base), number(metric.head)
    if head is None:
        problem = "missing" if metric.head is None else f"not a finite number: {metric.head}"
    elif base is not None and base - head > may_fall + ROUNDING:
        problem = "fell too far"
    else:
        problem = ""
    return Check(metric.file, metric.key, base, head, may_fall, problem)


def number(value: Any) -> float | None:
    """Return a finite number as it is, and None for all else."""
    real = isinstance(value, int | float) and not isinstance(value, bool)
    return value if real and math.isfinite(value) else None
