"""Where the time goes: every stage's start and work, the parts of a clip's features, the operators of a step."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks import gpu, reruns
from benchmarks.measuring import run, timed, worker
from benchmarks.steps import NETWORKS
from benchmarks.table import duration, memory
from ser.evaluation.markdown import render

STAGES = {
    "fetch": (),
    "ingest": (),
    "split": (),
    "precompute_mel": (),
    "precompute_mfcc": (),
    "precompute_logmel": (),
    "train_cnn": (),
    "train_lstm": (),
    "train_extractor": (),
    "extract_features": (),
    "train_lgbm": (),
    "train_compact": (),
    "evaluate": ("cnn",),
    "compare": ("--models", "cnn", "lstm", "hybrid", "compact"),
    "explore": (),
}
SHOWN = 8  # operators
LONGEST = 60  # characters of a kernel's name
TRAININGS = ("train_cnn", "train_lstm", "train_extractor", "train_compact")


def sections(folder: Path, quick: bool) -> Iterator[tuple[str, str]]:
    """Yield the titles of profiles and their text."""
    yield "Stages: start and work", stages(reruns.finish(folder, quick))
    yield "Features: the parts of a clip, on one thread", features(folder)
    yield "Training: the operators of a step", trainings(folder)
    if gpu.present(folder):
        yield "Training on a GPU: the kernels of a step", kernels(folder)


def stages(finished: Path) -> str:
    """A table of the stages in a finished project, each run once more by itself; trainings up to their first step."""
    lines = []
    for stage, arguments in STAGES.items():
        one = run(timed(f"stages.{stage}", *arguments, steps=1 if stage in TRAININGS else 0), finished)
        work = "–" if stage in TRAININGS else duration(one.facts["work_s"])
        lines.append((f"`{stage}`", duration(one.facts["import_s"]), work, memory(one.peak_mib)))
    note = "After a run of one epoch a network; trainings are ended by their first step.\n\n"
    return note + render(("stage", "imports", "work", "peak memory"), lines)


def features(folder: Path) -> str:
    """A table of the parts of a clip's features, on one thread."""
    parts_ms = run(worker("parts"), folder).facts
    return _shares(parts_ms, "part", "ms a clip")


def trainings(folder: Path) -> str:
    """A table for each network and its plain peer: operators by the time of their own in a step."""
    tables = []
    for name, (title, _) in NETWORKS.items():
        for side, module in (("ours", (f"stages.train_{name}",)), ("plain", ("benchmarks.peers.training", name))):
            operators_ms = run(worker("operators", *module), folder).facts
            tables.append(f"{title}, {side}:\n\n" + _shares(operators_ms, "operator", "ms a step"))
    return "\n".join(tables)


def kernels(folder: Path) -> str:
    """A table for each network: kernels by their time in a step."""
    tables = []
    for name, (title, _) in NETWORKS.items():
        kernels_ms = Counter()
        for kernel, value in gpu.kernels(folder, name).facts["kernels_ms"].items():
            kernels_ms[short(kernel)] += value
        tables.append(f"{title}:\n\n" + _shares(kernels_ms, "kernel", "ms a step"))
    return "\n".join(tables)


def short(kernel: str) -> str:
    """Return a kernel's name without its namespaces, template and arguments; of cutlass's, the template's."""
    name = kernel.removeprefix("void ").removeprefix("cutlass::Kernel2<").replace("(anonymous namespace)::", "")
    return re.split("[<(>]", name)[0].rpartition("::")[2][:LONGEST]


def _shares(parts_ms: dict[str, float], heading: str, unit: str) -> str:
    total = sum(parts_ms.values())
    largest = sorted(parts_ms.items(), key=lambda item: -item[1])[:SHOWN]
    rows = [(name, f"{value:.3g}", f"{100 * value / total:.0f} %") for name, value in largest]
    rest = total - sum(value for _, value in largest)
    return render((heading, unit, "share"), [*rows, ("the rest", f"{rest:.3g}", f"{100 * rest / total:.0f} %")])
