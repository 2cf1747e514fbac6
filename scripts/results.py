"""Run every project by `dvc repro`, in the order of the data; say first what will run and about how long.

A stopped run continues when it is run again: finished stages stay.
"""

import argparse
import subprocess
from collections import Counter
from pathlib import Path

import networkx
from dvc.exceptions import DvcException
from dvc.repo import Repo

from scripts.children import dvc
from scripts.compare_locks import aligned
from scripts.mend import mend
from scripts.projects import PROJECTS, ROOT
from ser.storage.errors import reporting

# Rough minutes of one instance on two cores with AVX2. Those of the main pipeline are what a run's progress bars said,
# the others are reckoned from them by clips, epochs and threads. What is not named takes less than half a minute.
# The part of a name before `@` counts; crossval's and the encoders' stages are named by model and protocol
MINUTES = {
    "train_cnn": 7,
    "train_lstm": 6,
    "train_extractor": 12,
    "train_compact": 5,
    "cnn_": 14,
    "lstm_": 9,
    "hybrid_": 14,
    "crossfit_": 30,
    "compact_": 13,
    "within_compact": 12,
    "left_out_compact": 30,
    "permuted": 13,
    "variant": 6,
    "embed": 0.5,
    "frames": 0.6,
    "logistic_": 0.7,
    "lgbm_": 1,
    "attentive_": 3,
    "finetune_": 25,
    "check_onnx": 4,
}


def stages_to_run(repo: Repo) -> list[str]:
    """Return the stages that something changed for, and those that read from them, in the order of dvc.yaml."""
    with repo.lock:
        changed = [stage for stage in repo.index.stages if stage.status()]
    readers = set().union(*({stage, *networkx.ancestors(repo.index.graph, stage)} for stage in changed))
    return [stage.name for stage in repo.index.stages if stage in readers]


def minutes_of(stage: str) -> float:
    """Return about how long an instance takes."""
    name = stage.partition("@")[0]
    return next((minutes for known, minutes in MINUTES.items() if name.startswith(known)), 0.2)


def tabulate(found: dict[Path, list[str]]) -> str:
    """Return a row a stage with instances to run: the project, how many, and about how long."""
    rows = [("project", "stage", "instances", "about")]
    for project, stages in found.items():
        for name, count in Counter(stage.partition("@")[0] for stage in stages).items():
            rows.append((project.as_posix(), name, str(count), duration(count * minutes_of(name))))
    total = sum(minutes_of(stage) for stages in found.values() for stage in stages)
    return f"{aligned(rows)}\nin all {sum(map(len, found.values()))} instances, about {duration(total)} on two cores"


def duration(minutes: float) -> str:
    """Return minutes as text, as hours where they are many."""
    return f"{minutes / 60:.0f} h" if minutes >= 120 else f"{max(minutes, 1):.0f} min"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dry-run", action="store_true", help="say what would run, and run nothing")
    dry_run = parser.parse_args().dry_run
    found = {}
    try:
        for project in PROJECTS:
            for line in mend(ROOT / project):
                print(f"mend: {project}: {line}")
            with Repo(str(ROOT / project)) as repo:
                found[project] = stages_to_run(repo)
    except (OSError, ValueError, DvcException) as error:
        raise SystemExit(f"results: {error}") from error
    if not any(found.values()):
        print("results: all projects are up to date")
        return
    print(tabulate(found), flush=True)
    for project in () if dry_run else PROJECTS:
        print(f"\nresults: {project}", flush=True)
        try:
            dvc(ROOT / project, "repro")
        except subprocess.CalledProcessError as error:
            raise SystemExit(
                f"results: {project} ended with status {error.returncode}; run it again to go on"
            ) from None


if __name__ == "__main__":
    with reporting("results"):
        main()
