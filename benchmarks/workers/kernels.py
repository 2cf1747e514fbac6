"""Runs the training in a module on a GPU for some epochs; prints as JSON what its steps and what their kernels took."""

import argparse
import json
import time
from collections import Counter
from typing import Any

from benchmarks.workers.stepping import EnoughSteps, after_each_step, main_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--steps", type=int, required=True, help="of an epoch")
    parser.add_argument("module")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    training = main_of(arguments.module, arguments.arguments)
    print(json.dumps(measure_steps(training, arguments.epochs, arguments.steps)))


def measure_steps(training: Any, epochs: int, steps: int) -> dict[str, Any]:
    """Return milliseconds a step: `step_ms` and `busy_ms` (that of all kernels), each by epoch; `kernels_ms` by kernel.

    The first third of an epoch is left out; the second is timed, the last recorded by torch's profiler, which would
    slow down what it records.
    """
    import torch
    from torch.profiler import ProfilerActivity, profile

    third = steps // 3
    started_s, done = 0.0, 0
    profiler = profile(activities=[ProfilerActivity.CUDA])
    step_ms, busy_ms, kernels_ms = [], [], Counter()

    def note(*_: Any) -> None:
        nonlocal started_s, done, profiler
        done += 1
        step = (done - 1) % steps + 1  # of its epoch, whose length three may divide
        if step not in (third, 2 * third, 3 * third):
            return
        torch.cuda.synchronize()
        if step == third:
            started_s = time.perf_counter()
        elif step == 2 * third:
            step_ms.append(1000 * (time.perf_counter() - started_s) / third)
            profiler.start()
        else:
            profiler.stop()
            found_ms = {event.key: event.self_device_time_total / 1000 / third for event in profiler.key_averages()}
            busy_ms.append(sum(found_ms.values()))
            kernels_ms.update({name: value / epochs for name, value in found_ms.items() if value})
            profiler = profile(activities=[ProfilerActivity.CUDA])
        if len(busy_ms) == epochs:
            raise EnoughSteps

    with after_each_step(note):
        training()
    return {"step_ms": step_ms, "busy_ms": busy_ms, "kernels_ms": kernels_ms}


if __name__ == "__main__":
    main()
