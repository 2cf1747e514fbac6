"""What a comparison says, as tables of text for Markdown and HTML alike."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from scripts.report.changes import Change
from scripts.report.comparison import Comparison
from scripts.report.policy import Check, number

ABSENT = "–"
DIGITS = 4


class Table(NamedTuple):
    """Rows of text, a newline between lines of a cell; the first column holds names, those in `numbers` align right."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: Sequence[str] = ()


def failures(comparison: Comparison) -> list[Check]:
    """Return the checks that the head does not pass."""
    return [check for check in comparison.checks if check.problem]


def verdict(comparison: Comparison) -> str:
    """Say in a line whether the head passes."""
    failed, checked = len(failures(comparison)), len(comparison.checks)
    if failed:
        return f"FAIL: {failed} of {checked} metrics fell by more than the policy allows, or are missing"
    return f"OK: none of {checked} metrics fell by more than the policy allows"


def verdict_table(comparison: Comparison) -> Table:
    """A row a metric that the policy names."""
    rows = [
        (
            f"{check.file}: {check.key}",
            text(check.base),
            text(check.head),
            difference(check.base, check.head),
            f"−{text(check.may_fall)}" if check.may_fall else "0",
            f"FAIL: {check.problem}" if check.problem else "ok" if check.base is not None else "ok (new)",
        )
        for check in comparison.checks
    ]
    columns = ("metric", comparison.base, comparison.head, "change", "allowed", "verdict")
    return Table(columns, rows, numbers=columns[1:5])


def stages_table(comparison: Comparison) -> Table:
    """A row a stage that reran, is new or is gone."""
    rows = [
        (rerun.stage, rerun.kind, "\n".join(rerun.reasons) or ABSENT, f"{rerun.changed} of {rerun.outputs}")
        for rerun in comparison.reruns
    ]
    return Table(("stage", "what", "changed inputs", "outputs changed"), rows, numbers=("outputs changed",))


def params_table(comparison: Comparison) -> Table:
    """A row a param that differs; values as in the file."""
    rows = [
        (
            change.key if change.file == "params.yaml" else f"{change.file}: {change.key}",
            *(ABSENT if value is None else str(value) for value in (change.base, change.head)),
        )
        for change in comparison.params
    ]
    return Table(("param", comparison.base, comparison.head), rows, numbers=(comparison.base, comparison.head))


def metrics_table(comparison: Comparison) -> Table:
    """A row a metric that differs."""
    rows = [_metric_row(metric) for metric in comparison.metrics]
    columns = ("metric", comparison.base, comparison.head, "change")
    return Table(columns, rows, numbers=columns[1:])


def _metric_row(metric: Change) -> tuple[str, ...]:
    change = difference(number(metric.base), number(metric.head))
    return f"{metric.file}: {metric.key}", text(metric.base), text(metric.head), change


def text(value: Any) -> str:
    """Round a float; show all else as it is, None as absent."""
    if value is None:
        return ABSENT
    return f"{value:.{DIGITS}f}".replace("-", "−") if isinstance(value, float) else str(value)


def difference(base: float | None, head: float | None) -> str:
    """Return the change from base to head with its sign."""
    if base is None or head is None:
        return ABSENT
    change = head - base
    signed = f"{change:+.{DIGITS}f}" if isinstance(change, float) else f"{change:+d}"
    return "0" if float(signed) == 0 else signed.replace("-", "−")
