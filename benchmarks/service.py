"""Rows: `ser serve` under load against `ser predict --jobs 2`, with every answer compared, and while processes die."""

import contextlib
import os
import random
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

from benchmarks import table
from benchmarks.corpus import ROOT, clips_in
from benchmarks.hearing import predict
from benchmarks.measuring import Run, alternate, run, worker
from benchmarks.table import Row
from scripts.serving import Service, peak_mib, served
from ser.service.settings import MOST_TOGETHER

WORKERS, CLIENTS, SECONDS = 2, 16, 60
CLIPS = 96  # of the measurement without HTTP
GOAL, COMMAND = 0.8, f"`ser predict --jobs {WORKERS}`"


def rows(folder: Path, repeats: int, quick: bool) -> Iterator[Row]:
    """Measure the compact bundle, where the extra `serve` is installed."""
    bundle = ROOT / "release/models/compact"
    raw, expected = folder / "data/raw", folder / "expected.json"
    clips, seconds = len(clips_in(folder)), 5 if quick else SECONDS
    os.environ["OMP_NUM_THREADS"] = "1"

    def command() -> Run:
        options = ("--model", str(bundle), "--jobs", str(WORKERS), "--out", str(expected))
        return run(predict(str(raw), *options), ROOT)

    yield _together(bundle, [raw / row["path"] for row in clips_in(folder)[:CLIPS]])
    command()  # so that there is something to compare with
    with served("--model", str(bundle), "--workers", str(WORKERS)) as service:
        runs = alternate(repeats, ours=lambda: _load(service, expected, seconds), theirs=command)
        ratio = table.Spread.of(
            ours.facts["a_second"] * theirs.seconds / clips
            for ours, theirs in zip(runs["ours"], runs["theirs"], strict=True)
        )
        alone = clips / table.Spread.of(one.seconds for one in runs["theirs"]).median
        yield _row(f"`ser serve`, {CLIENTS} clients", alone, runs["ours"], service, table.at_least(ratio, GOAL))
        with _killing(service, seconds / 6) as killed:
            disturbed = [_load(service, expected, seconds)]
        kept = disturbed[0].facts["a_second"] / table.Spread.of(one.facts["a_second"] for one in runs["ours"]).median
        figure = {
            "figure": f"{kept:.2f} × the answers, {len(killed)} killed",
            "goal": "none wrong or lost",
            "met": True,
        }
        yield _row(f"the same, a process killed each {seconds / 6:.0f} s", alone, disturbed, service, figure)


def _together(bundle: Path, clips: list[Path]) -> Row:
    told = run(worker("together", str(bundle), str(MOST_TOGETHER), *map(str, clips)), ROOT)
    alone_s, together_s = told.facts["alone_s"], told.facts["together_s"]
    return Row(
        f"a clip, {MOST_TOGETHER} together, processor time",
        "one by one",
        table.duration(together_s),
        table.duration(alone_s),
        f"{alone_s / together_s:.2f} ×",
        memory=table.memory(told.peak_mib),
    )


def _load(service: Service, expected: Path, seconds: float) -> Run:
    """Run the clients; RuntimeError if an answer is wrong or lost."""
    options = ("--clients", str(CLIENTS), "--seconds", str(seconds))
    told = run(worker("load", str(service.port), str(expected), *options), ROOT)
    if told.facts["wrong"] or told.facts["lost"] or not told.facts["right"]:
        raise RuntimeError(f"the service answered {told.facts}")
    return told


@contextlib.contextmanager
def _killing(service: Service, each_s: float) -> Iterator[list[int]]:
    """Kill one of the processes that hear again and again; yield those killed."""
    killed, ended, chosen = [], threading.Event(), random.Random(1)

    def kill() -> None:
        while not ended.wait(each_s):
            victim = chosen.choice(service.workers())
            os.kill(victim, signal.SIGKILL)
            killed.append(victim)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        ended.set()
        thread.join()


def _row(what: str, alone: float, runs: list[Run], service: Service, goal: dict[str, object]) -> Row:
    def median(name: str) -> float:
        return table.Spread.of(one.facts[name] for one in runs).median

    refused = sum(one.facts["refused"] for one in runs)
    answers = f"{median('a_second'):.0f} clips a second, 95 % within {table.duration(median('p95_s'))}"
    goal = goal | {"figure": f"{goal['figure']}; {refused} told to try again"}
    return Row(
        what, COMMAND, answers, memory=f"{peak_mib(service.process.pid):.0f} MiB, of the process that answers", **goal
    )
