"""All that a report shows of two revisions, read from git and DVC; no network, no data."""

from pathlib import Path
from typing import NamedTuple

from dvc.repo import Repo

from scripts.report.changes import Change, read_metrics, read_params
from scripts.report.pictures import Picture, read_pictures
from scripts.report.plots import Plot, read_plots
from scripts.report.policy import Check, judge, read_policy
from scripts.report.reruns import Rerun, compare_locks, parse_lock
from scripts.report.revisions import WORKSPACE, check_revisions, read_text


class Comparison(NamedTuple):
    """What changed from the base to the head."""

    base: str
    head: str
    notes: list[str]  # what a reader must know to trust the rest
    checks: list[Check]
    reruns: list[Rerun]
    still: list[str]  # stages that did not rerun
    params: list[Change]
    metrics: list[Change]  # those that differ
    plots: list[Plot]
    pictures: list[Picture]


def compare(repo: Repo, base: str, head: str, policy_path: Path) -> Comparison:
    """Compare two revisions; ValueError if either does not exist or the policy cannot be read."""
    policy = read_policy(policy_path)
    base, head = check_revisions(repo, base, head)
    locks = {rev: parse_lock(read_text(repo, rev, "dvc.lock")) for rev in (base, head)}
    reruns = compare_locks(locks[base], locks[head])
    params, params_problems = read_params(repo, base, head)
    metrics, metrics_problems = read_metrics(repo, base, head)
    plots = read_plots(repo, base, head)
    notes = [
        *workspace_notes(repo, head),
        *(f"{rev} has no dvc.lock: nothing says what ran there" for rev, lock in locks.items() if not lock),
        *([f"{base} has no metrics: nothing to compare with"] if all(m.base is None for m in metrics) else []),
        *policy_notes(repo, base, policy_path),
        *params_problems,
        *metrics_problems,
        *(f"Plot {plot.name}: {problem}" for plot in plots for problem in plot.problems),
    ]
    return Comparison(
        base=base,
        head=head,
        notes=list(dict.fromkeys(notes)),  # params and metrics fail alike where dvc.yaml does
        checks=judge(policy, metrics),
        reruns=reruns,
        still=[stage for stage in locks[head] if stage not in {rerun.stage for rerun in reruns}],
        params=params,
        metrics=[metric for metric in metrics if metric.base != metric.head],
        plots=plots,
        pictures=read_pictures(repo, base, head, list(locks.values())),
    )


def workspace_notes(repo: Repo, head: str) -> list[str]:
    """Say so if what is judged is not yet committed."""
    if head == WORKSPACE and repo.scm.is_dirty(untracked_files=False):
        return ["The workspace has changes that are not committed; this report includes them."]
    return []


def policy_notes(repo: Repo, base: str, path: Path) -> list[str]:
    """Say so if the policy that judges is not the one of the base: a change must not loosen it unseen."""
    before = read_text(repo, base, path.as_posix())
    if before is not None and before != path.read_text(encoding="utf-8"):
        return [f"{path} is not as in {base}; the verdict is by the new one."]
    return []
