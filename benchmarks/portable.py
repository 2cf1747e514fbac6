"""Rows: what portable arithmetic costs, the same stage with and without it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import machine, table
from benchmarks.measuring import alternate, ratios, run, timed
from benchmarks.steps import LAST, WARM_UP, step_seconds
from benchmarks.table import Row
from ser.arithmetic.portable import CAPS, MARK

NETWORKS = {"cnn": "AudioCNN", "lstm": "AudioLSTM", "extractor": "CNN-LSTM extractor", "compact": "CompactNet"}
FEATURES = {"mel": "Log-mel of all clips", "logmel": "Log-mel of own length of all clips"}
GOAL, GOAL_BFLOAT16 = 1.1, 3.0  # what is fast on a processor with AVX2, and on one with native bfloat16
PORTABLE = ("env", *(f"{name}={value}" for name, value in CAPS.items()), f"{MARK}=1")
FAST = ("env", *(f"--unset={name}" for name in (*CAPS, MARK)))


def rows(folder: Path, repeats: int, quick: bool) -> Iterator[Row]:
    """Measure training steps and features, in processes of their own."""
    last, warm_up = (2, 0) if quick else (LAST, WARM_UP)
    for name, title in FEATURES.items():
        yield _row(folder, repeats, title, timed(f"stages.precompute_{name}"), lambda facts: facts["work_s"])
    for name, title in NETWORKS.items():
        yield _row(
            folder,
            repeats,
            f"{title}, training step of 32 clips",
            timed(f"stages.train_{name}", steps=last),
            lambda facts: step_seconds(facts["steps_s"][0], warm_up),
        )


def _row(
    folder: Path, repeats: int, title: str, command: list[str], seconds_of: Callable[[dict[str, Any]], float]
) -> Row:
    runs = alternate(
        repeats, ours=lambda: run([*PORTABLE, *command], folder), theirs=lambda: run([*FAST, *command], folder)
    )
    goal = GOAL_BFLOAT16 if "bf16" in machine.describe() else GOAL
    seconds = {side: [seconds_of(one.facts) for one in runs[side]] for side in runs}
    return Row(
        f"{title}, portable",
        "as fast as the processor can",
        *(table.duration(median(side)) for side in seconds.values()),
        memory=table.memory(*(max(one.peak_mib for one in side) for side in runs.values())),
        **table.at_most(ratios(seconds["theirs"], seconds["ours"]), goal),
    )
