"""Row: the three trainings in full on a GPU, where there is one."""

import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks import table
from benchmarks.measuring import run, run_all, timed
from benchmarks.table import Row

NETWORKS = ("cnn", "lstm", "extractor")
LIMIT_S = 60


def rows(folder: Path) -> Iterator[Row]:
    """Train all networks with the design's epochs in the workspace; on a machine without a GPU, say so."""
    found = run(
        [sys.executable, "-c", "import json, torch; print(json.dumps({'gpu': torch.cuda.is_available()}))"], folder
    )
    if not found.facts["gpu"]:
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
