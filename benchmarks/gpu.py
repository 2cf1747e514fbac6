"""Rows: the three trainings in full on a GPU, where there is one, and how much of a step its kernels take."""

import functools
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks import corpus, table
from benchmarks.measuring import Run, Spread, ratios, run, run_all, timed, worker
from benchmarks.steps import NETWORKS
from benchmarks.table import Row

LIMIT_S = 60
LIMITED_BY_DEVICE = 1.25  # a step over its kernels: Python and idling take a fifth of it at most


def present(folder: Path) -> bool:
    """Whether torch finds a GPU."""
    question = "import json, torch; print(json.dumps({'gpu': torch.cuda.is_available()}))"
    return run([sys.executable, "-c", question], folder).facts["gpu"]


def rows(folder: Path) -> Iterator[Row]:
    """Train all networks with the design's epochs in the workspace; on a machine without a GPU, say so."""
    if not present(folder):
        yield Row("all trainings on a GPU", "skipped: this machine has no GPU", goal=f"< {LIMIT_S} s")
        return
    trained = run_all([timed(f"stages.train_{name}") for name in NETWORKS], folder)
    work_s = trained.facts["work_s"]
    yield Row(
        "all trainings on a GPU, the design's epochs",
        "–",
        table.duration(work_s),
        goal=f"< {LIMIT_S} s",
        met=work_s < LIMIT_S,
        memory=table.memory(trained.peak_mib),
    )
    for name, (title, _) in NETWORKS.items():
        facts = kernels(folder, name).facts
        step_ms, busy_ms = facts["step_ms"], facts["busy_ms"]
        yield Row(
            f"{title}, training step of 32 clips on a GPU",
            "its kernels alone",
            *(table.duration(Spread.of(side).median / 1000) for side in (step_ms, busy_ms)),
            **table.at_most(ratios(busy_ms, step_ms), LIMITED_BY_DEVICE),
        )


@functools.cache
def kernels(folder: Path, name: str) -> Run:
    """Run a network's training on the GPU for some epochs, once: what its steps took, and their kernels."""
    measured = run(worker("kernels", "--steps", str(corpus.steps_an_epoch(folder)), f"stages.train_{name}"), folder)
    corpus.discard_checkpoints(folder)
    return measured
