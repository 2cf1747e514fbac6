"""policy.yaml: by how much a metric may fall. Metrics of two revisions → a check of each metric that it names."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from scripts.report.changes import Change

ROUNDING = 1e-9  # 0.53 - 0.5 is 0.030000000000000027: a fall by just the allowed amount passes


class Check(NamedTuple):
    """One metric against the policy; `base` and `head` are None where there is no number."""

    file: str
    key: str
    base: float | None
    head: float | None
    may_fall: float
    problem: str  # empty where the check passes


def read_policy(path: Path) -> dict[str, dict[str, float]]:
    """Return the allowed fall by metrics file and key; ValueError names what is missing or impossible."""
    if not path.is_file():
        raise ValueError(f"{path}: no such file; it says by how much each metric may fall")
    return parse_policy(path.read_text(encoding="utf-8"), str(path))


def parse_policy(text: str, name: str) -> dict[str, dict[str, float]]:
    """Read the text of a policy; `name` is what errors call it."""
    try:
        policy = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"{name}: no YAML: {error}") from None
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

    One that the head lacks fails; one that only the base lacks has nothing to fall from, and passes.
    """
    found = {(change.file, change.key): change for change in metrics}
    checks = [
        check(found.get((file, key), Change(file, key, None, None)), may_fall)
        for file, limits in policy.items()
        for key, may_fall in limits.items()
    ]
    return sorted(checks, key=lambda check: (not check.problem, check.file, check.key))


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
