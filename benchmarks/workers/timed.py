"""Runs the `main` of a module in this process and prints as JSON what its imports, its work and its steps took."""

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.workers.stepping import EnoughSteps, after_each_step, main_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=0, help="end after this many steps of an optimiser (0: never)")
    parser.add_argument("module")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    started = time.perf_counter()
    work = main_of(arguments.module, arguments.arguments)
    imported = time.perf_counter()
    # A module without torch keeps its lean start
    recording = recording_steps(arguments.steps) if "torch" in sys.modules else contextlib.nullcontext({})
    with recording as steps:
        work()
    done = time.perf_counter()
    times_s = [[step - imported for step in times] for times in steps.values()]
    print(json.dumps({"import_s": imported - started, "work_s": done - imported, "steps_s": times_s}))


@contextlib.contextmanager
def recording_steps(limit: int) -> Iterator[dict[Any, list[float]]]:
    """Yield optimisers → when each of their steps ended, which fills itself; the block ends after `limit` of one's."""
    steps: dict[Any, list[float]] = {}

    def note(optimizer: Any, *_: Any) -> None:
        times = steps.setdefault(optimizer, [])
        times.append(time.perf_counter())
        if len(times) == limit:
            raise EnoughSteps

    with after_each_step(note):
        yield steps


if __name__ == "__main__":
    main()
