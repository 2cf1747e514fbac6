"""Rows: what DVC takes when nothing has changed, and when one input of `compare` has, against its floor."""

import itertools
from collections.abc import Iterator
from pathlib import Path

from benchmarks import corpus, table
from benchmarks.measuring import Run, alternate, ratios, run
from benchmarks.table import Row

# A finished run is needed, not a good one
ONE_EPOCH = {f"train_{name}.epochs": 1 for name in ("cnn", "lstm", "extractor")} | {"train_compact.schedule.epochs": 1}
IDENTITY = ("-c", "user.name=benchmark", "-c", "user.email=benchmark@example.com", "-c", "commit.gpgsign=false")
LEAF = Path("data/design.csv")  # read by `compare` alone, as no param is


def rows(folder: Path, repeats: int, quick: bool) -> Iterator[Row]:
    """Measure in a finished project of the whole corpus and in an empty one, both under git."""
    finished = finish(folder, quick)
    run(corpus.dvc("config", "--local", "--unset", "core.no_scm"), finished)
    _commit(finished)
    empty = make_empty(folder.with_name("empty"), finished / ".dvc/config")
    values = itertools.count(1)
    run(corpus.dvc("repro"), finished)  # the first with git writes what later ones only read
    runs = alternate(
        repeats,
        floor=lambda: run(corpus.dvc("status"), empty),
        unchanged=lambda: run(corpus.dvc("repro"), finished),
        leaf=lambda: _repro_changed(finished, next(values)),
    )
    seconds = {side: [one.seconds for one in runs[side]] for side in runs}
    peaks = {side: max(one.peak_mib for one in runs[side]) for side in runs}
    median_s = {side: table.Spread.of(values).median for side, values in seconds.items()}
    floor = "`dvc status` in an empty DVC project"
    yield Row(
        "`dvc repro`, nothing changed",
        floor,
        table.duration(median_s["unchanged"]),
        table.duration(median_s["floor"]),
        memory=table.memory(peaks["unchanged"], peaks["floor"]),
        **table.at_most(ratios(seconds["floor"], seconds["unchanged"]), 1.5),
    )
    more = table.Spread.of(one - least for one, least in zip(seconds["leaf"], seconds["floor"], strict=True))
    yield Row(
        f"`dvc repro`, one input of `compare` changed ({LEAF})",
        floor,
        table.duration(median_s["leaf"]),
        table.duration(median_s["floor"]),
        f"floor + {more.median:.2f} s ({more.low:.2f} to {more.high:.2f})",
        "≤ floor + 5 s",
        more.median <= 5,
        table.memory(peaks["leaf"], peaks["floor"]),
    )


def make_empty(empty: Path, config: Path) -> Path:
    """Make a DVC project without stages, with the same configuration."""
    empty.mkdir()
    run(["git", "init", "--quiet"], empty)
    run(corpus.dvc("init", "--quiet"), empty)
    (empty / ".dvc/config").write_bytes(config.read_bytes())
    _commit(empty)
    return empty


def finish(folder: Path, quick: bool) -> Path:
    """Return a copy of the project beside `folder` after a run of ONE_EPOCH a network, made when first asked for."""
    finished = folder.with_name("finished")
    if not finished.exists():
        corpus.copy_to(finished, quick, ONE_EPOCH)
        run(corpus.dvc("repro"), finished)
    return finished


def _repro_changed(project: Path, value: int) -> Run:
    """Change the leaf to what it has never been, so that DVC cannot restore an earlier outcome, and reproduce."""
    lines = (project / LEAF).read_text(encoding="utf-8").splitlines()
    model, corpus_name, protocol, *rest = lines[1].split(",")
    changed = ",".join([f"{model}-{value}", corpus_name, protocol, *rest])
    (project / LEAF).write_text("\n".join([*lines, changed]) + "\n", encoding="utf-8")
    return run(corpus.dvc("repro"), project)


def _commit(project: Path) -> None:
    if not (project / ".git").exists():
        run(["git", "init", "--quiet"], project)
    run(["git", "add", "."], project)
    run(["git", *IDENTITY, "commit", "--quiet", "--message", "all"], project)
