"""Row: the complete run from the clips to the table of all models, against the same in one notebook-like script."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks import corpus, table
from benchmarks.measuring import Run, alternate, ratios, run, run_all, timed
from benchmarks.table import Row

EPOCHS = {"cnn": 20, "lstm": 20, "extractor": 35}
MEASURED = 2  # epochs of each network: the second, with its validation, stands for all that follow
LIMIT_S = 15 * 60
NOT_OF_THE_DESIGN = {"train_compact.schedule.epochs": 1}  # a fourth network, which the notebook does not have


def rows(folder: Path, quick: bool, complete: bool) -> Iterator[Row]:
    """Measure both once, in full (`complete`) or extrapolated from MEASURED epochs of each network."""
    if complete:
        runs = alternate(
            1, ours=lambda: _repro(folder, quick, {}), theirs=lambda: run(timed("benchmarks.notebook"), folder)
        )
        seconds = {side: [one.seconds for one in runs[side]] for side in runs}
    else:
        runs = alternate(1, ours=lambda: _ours(folder, quick), theirs=lambda: _notebook(folder))
        seconds = {side: [one.facts["total_s"] for one in runs[side]] for side in runs}
    totals = {side: table.Spread.of(values).median for side, values in seconds.items()}
    ratio = table.at_least(ratios(seconds["ours"], seconds["theirs"]), 6.0)
    ratio["goal"] += f", ours under {LIMIT_S // 60} min"
    ratio["met"] = ratio["met"] and totals["ours"] < LIMIT_S
    yield Row(
        "complete run, fresh, the design's epochs" + ("" if complete else f" (**extrapolated** from {MEASURED})"),
        "one script, features on the fly in every epoch, eager float32",
        *(table.duration(total) for total in totals.values()),
        memory=table.memory(*(max(one.peak_mib for one in side) for side in runs.values())),
        **ratio,
    )


def extrapolate(whole_s: float, epochs_s: dict[str, float], measured: int) -> float:
    """Return the time of a run of all EPOCHS from that of one with `measured` epochs of each network."""
    return whole_s + sum((EPOCHS[name] - measured) * epoch_s for name, epoch_s in epochs_s.items())


def epoch_seconds(ends_s: list[float], measured: int = MEASURED) -> float:
    """Return the time of the last epoch, its validation or that of the epoch before included, from its steps' ends."""
    steps = len(ends_s) // measured
    return ends_s[-1] - ends_s[-1 - steps]


def _ours(folder: Path, quick: bool) -> Run:
    whole = _repro(folder, quick, {f"train_{name}.epochs": MEASURED for name in EPOCHS})
    epochs_s = {}
    for name in EPOCHS:
        # What the stage needs is in the workspace
        facts = run(timed(f"stages.train_{name}", steps=MEASURED * corpus.steps_an_epoch(folder)), folder).facts
        corpus.discard_checkpoints(folder)
        epochs_s[name] = epoch_seconds(facts["steps_s"][0])
    return Run(whole.seconds, whole.peak_mib, {"total_s": extrapolate(whole.seconds, epochs_s, MEASURED)})


def _notebook(folder: Path) -> Run:
    whole = run(timed("benchmarks.notebook", "--epochs-fraction", "0"), folder)
    epochs_s = dict(zip(EPOCHS, map(epoch_seconds, whole.facts["steps_s"]), strict=True))
    return Run(whole.seconds, whole.peak_mib, {"total_s": extrapolate(whole.seconds, epochs_s, MEASURED)})


def _repro(folder: Path, quick: bool, overrides: dict[str, object]) -> Run:
    """Run the pipeline in a new copy of the project, with nothing in its cache."""
    fresh = folder.with_name("fresh")
    shutil.rmtree(fresh, ignore_errors=True)
    corpus.copy_to(fresh, quick, NOT_OF_THE_DESIGN | overrides)
    return run_all([corpus.dvc("repro")], fresh)
