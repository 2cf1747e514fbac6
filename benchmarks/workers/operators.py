"""Runs the training in a module up to a step under torch's profiler and prints as JSON where its last steps went."""

import argparse
import json

from benchmarks.workers.stepping import EnoughSteps, after_each_step, main_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--warm-up", type=int, default=6, help="steps before the profile")
    parser.add_argument("--steps", type=int, default=6, help="steps in the profile")
    parser.add_argument("module")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    training = main_of(arguments.module, arguments.arguments)
    print(json.dumps(profile_steps(training, arguments.warm_up, arguments.steps)))


def profile_steps(training, warm_up: int, steps: int) -> dict[str, float]:
    """Return milliseconds a step by operator, without those that it calls, in descending order."""
    from torch.profiler import ProfilerActivity, profile

    profiler = profile(activities=[ProfilerActivity.CPU])
    done = 0

    def count(*_) -> None:
        nonlocal done
        done += 1
        if done == warm_up:
            profiler.start()
        elif done == warm_up + steps:
            profiler.stop()
            raise EnoughSteps

    with after_each_step(count):
        training()
    events = sorted(profiler.key_averages(), key=lambda event: -event.self_cpu_time_total)
    return {event.key: event.self_cpu_time_total / 1000 / steps for event in events}


if __name__ == "__main__":
    main()
