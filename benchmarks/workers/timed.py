"""Runs the `main` of a module in this process and prints as JSON what its imports, its work and its steps took."""

import argparse
import contextlib
import importlib
import json
import sys
import time
from collections.abc import Iterator
from typing import Any


class EnoughSteps(BaseException):
    """Ends a training from within; no BaseException is caught as an error of the training."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=0, help="end after this many steps of an optimiser (0: never)")
    parser.add_argument("module")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    sys.argv = [arguments.module, *arguments.arguments]
    started = time.perf_counter()
    module = importlib.import_module(arguments.module)
    imported = time.perf_counter()
    # A module without torch keeps its lean start
    recording = recording_steps(arguments.steps) if "torch" in sys.modules else contextlib.nullcontext({})
    with recording as steps, contextlib.suppress(EnoughSteps):
        module.main()
    done = time.perf_counter()
    times_s = [[step - imported for step in times] for times in steps.values()]
    print(json.dumps({"import_s": imported - started, "work_s": done - imported, "steps_s": times_s}))


@contextlib.contextmanager
def recording_steps(limit: int) -> Iterator[dict[Any, list[float]]]:
    """Yield optimisers → when each of their steps ended, which fills itself; EnoughSteps after `limit` of one's steps.

    A hook that torch offers to all optimisers: the trainings know nothing of it.
    """
    from torch.optim.optimizer import register_optimizer_step_post_hook

    steps: dict[Any, list[float]] = {}

    def note(optimizer: Any, *_: Any) -> None:
        times = steps.setdefault(optimizer, [])
        times.append(time.perf_counter())
        if len(times) == limit:
            raise EnoughSteps

    hook = register_optimizer_step_post_hook(note)
    try:
        yield steps
    finally:
        hook.remove()


if __name__ == "__main__":
    main()
