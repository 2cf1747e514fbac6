"""Rows: a training step of each network, against eager float32 in plain PyTorch."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from benchmarks import table
from benchmarks.corpus import ROOT
from benchmarks.measuring import alternate, ratios, require_equal, run, timed
from benchmarks.table import Row

NETWORKS = {"cnn": ("AudioCNN", 3.0), "lstm": ("AudioLSTM", 12.0), "extractor": ("CNN-LSTM extractor", 3.0)}
TOLERANCE = 1e-4
PLAIN = "eager float32, plain PyTorch"
TRAINED = ROOT / "models/lstm/weights.pt"
LAST, WARM_UP = 24, 8  # of the first epoch's 32 steps; in the first eight, memory and kernels settle


def rows(folder: Path, repeats: int, quick: bool) -> Iterator[Row]:
    """Measure real trainings on real features up to step LAST, each in its own process with its own settings."""
    for name in NETWORKS:
        require_equal(folder, TOLERANCE, name)
        yield _row(folder, repeats, quick, name, PLAIN)
    if TRAINED.exists():  # denormal numbers come and go with the weights
        yield _row(folder, repeats, quick, "lstm", f"{PLAIN}, from trained weights", "--weights", str(TRAINED))


def _row(folder: Path, repeats: int, quick: bool, name: str, against: str, *weights: str) -> Row:
    title, goal = NETWORKS[name]
    last, warm_up = (2, 0) if quick else (LAST, WARM_UP)
    runs = alternate(
        repeats,
        ours=lambda: run(timed(f"stages.train_{name}", steps=last), folder),
        theirs=lambda: run(timed("benchmarks.peers.training", name, *weights, steps=last), folder),
    )
    steps_s = {side: [step_seconds(one.facts["steps_s"][0], warm_up) for one in runs[side]] for side in runs}
    return Row(
        f"{title}, training step of 32 clips",
        against,
        *(table.duration(median(side)) for side in steps_s.values()),
        memory=table.memory(*(max(one.peak_mib for one in side) for side in runs.values())),
        **table.at_least(ratios(steps_s["ours"], steps_s["theirs"]), goal),
    )


def step_seconds(ends_s: Sequence[float], warm_up: int) -> float:
    """Return the median time from one step's end to the next, the first steps left out."""
    return median(after - before for before, after in itertools.pairwise(ends_s[max(0, warm_up - 1) :]))
