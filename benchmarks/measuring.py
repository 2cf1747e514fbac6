"""Commands in processes of their own: their time, their peak memory, and two sides in alternation.

pyperf finishes one benchmark before it starts the next and measures memory in a run apart. Here a ratio's two sides
alternate, so that a load from elsewhere falls on both, and each run gives its time and its memory.
"""

import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from scripts.children import environment

Command = Sequence[str]


@dataclasses.dataclass(frozen=True)
class Run:
    """One run of a command: its whole time, the memory it held at most, and what a worker said of it."""

    seconds: float
    peak_mib: float
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Spread:
    """The median of several values, the smallest and the largest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        values = list(values)
        return cls(statistics.median(values), min(values), max(values))


def worker(name: str, *arguments: str) -> list[str]:
    """Return the command of a module of `benchmarks.workers`, which print facts."""
    return [sys.executable, "-m", f"benchmarks.workers.{name}", *arguments]


def timed(module: str, *arguments: str, steps: int = 0) -> list[str]:
    """Return the command that times the `main` of a module from within; with `steps`, up to that step of training."""
    return worker("timed", "--steps", str(steps), module, *arguments)


def run(command: Command, folder: Path) -> Run:
    """Run a command in a folder; RuntimeError shows the end of its messages if it fails.

    Its facts are the JSON in the last line that it prints, if there is one. Peak memory is that of the largest of its
    processes; on Linux never below that of this one, which therefore imports nothing large.
    """
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as messages:
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=environment(), stdout=printed, stderr=messages)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)} failed:\n{_text(printed)[-2000:]}{_text(messages)[-4000:]}")
        unit = 2**20 if sys.platform == "darwin" else 2**10  # ru_maxrss counts bytes there, KiB on Linux
        return Run(seconds, usage.ru_maxrss / unit, _facts(_text(printed)))


def run_all(commands: Iterable[Command], folder: Path) -> Run:
    """Run commands one after another, as one: times add up, of peaks the highest counts."""
    runs = [run(command, folder) for command in commands]
    work_s = sum(one.facts.get("work_s", one.seconds) for one in runs)
    return Run(sum(one.seconds for one in runs), max(one.peak_mib for one in runs), {"work_s": work_s})


def alternate(repeats: int, **sides: Any) -> dict[str, list[Run]]:
    """Call each side, a function without arguments that returns a Run, `repeats` times in turn."""
    runs: dict[str, list[Run]] = {name: [] for name in sides}
    for repeat in range(repeats):
        for name, side in sides.items():
            print(f"  {name}, {repeat + 1} of {repeats}", file=sys.stderr, flush=True)
            runs[name].append(side())
    return runs


def require_equal(folder: Path, tolerance: float, *check: str) -> None:
    """No ratio without equal results: RuntimeError if they differ by more than `tolerance`, or by NaN."""
    found = run(worker("checks", *check), folder).facts
    if not all(value <= tolerance for value in found.values()):
        raise RuntimeError(f"{' '.join(check)}: both sides differ by {found} of their size, more than {tolerance:g}")


def ratios(ours: Iterable[float], theirs: Iterable[float]) -> Spread:
    """Return how many times as long theirs took as ours, run by run."""
    return Spread.of(their / our for our, their in zip(ours, theirs, strict=True))


def _text(file: Any) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def _facts(printed: str) -> dict[str, Any]:
    last = printed.rstrip().rpartition("\n")[2]
    try:
        facts = json.loads(last)
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}
