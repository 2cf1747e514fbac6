"""Measures this project against the plain ways: python -m benchmarks [topic …] → benchmarks/RESULTS.md."""

import argparse
import itertools
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import (
    complete,
    corpus,
    gpu,
    hearing,
    machine,
    portable,
    precompute,
    profiles,
    report,
    reruns,
    scaling,
    service,
    steps,
)
from benchmarks.table import Row
from ser.storage.errors import reporting

RESULTS = Path(__file__).with_name("RESULTS.md")
TOPICS = ("precompute", "steps", "portable", "complete", "reruns", "memory", "hearing", "service", "gpu")
QUICK_ROWS = 2  # of each topic


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("topics", nargs="*", metavar="topic", help=f"of {', '.join(TOPICS)}; none: all of them")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each side of a ratio; one of complete runs")
    parser.add_argument("--complete", action="store_true", help="run the complete runs in full: well over an hour")
    parser.add_argument("--profile", action="store_true", help="add where the time goes")
    parser.add_argument(
        "--quick", action="store_true", help="some rows of each topic on 120 synthetic clips: the figures mean nothing"
    )
    parser.add_argument("--out", type=Path, help="the report; without it, only all topics together write RESULTS.md")
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.topics) - set(TOPICS)):
        parser.error(f"unknown topics {unknown}; there are {list(TOPICS)}")
    out = arguments.out or (None if arguments.topics or arguments.quick else RESULTS)
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as scratch:
        text = ""
        for text in measure(Path(scratch).resolve() / "workspace", arguments):
            if out:
                out.write_text(text, encoding="utf-8")
        print(text)


def measure(folder: Path, arguments: argparse.Namespace) -> Iterator[str]:
    """Measure one topic after another in copies of this project beside `folder`; yield the report after each."""
    busy = machine.load()
    repeats = 1 if arguments.quick else arguments.repeats
    name = corpus.choose(arguments.quick)
    print(f"preparing the {name}", file=sys.stderr)
    corpus.copy_to(folder, arguments.quick, {}, *corpus.DATA_STAGES)
    clips = len(corpus.clips_in(folder))
    setting = report.Setting(name, clips, repeats, busy)
    measured: list[Row] = []
    tables: dict[str, str] = {}
    for topic in arguments.topics or TOPICS:
        rows = rows_of(topic, folder, clips, repeats, arguments)
        for row in itertools.islice(rows, QUICK_ROWS) if arguments.quick else rows:
            print(" | ".join(row.cells()), file=sys.stderr, flush=True)
            measured.append(row)
        yield report.compose(setting, measured, tables)
    if arguments.profile:
        for title, table in profiles.sections(folder, arguments.quick):
            tables[title] = table
            yield report.compose(setting, measured, tables)


def rows_of(topic: str, folder: Path, clips: int, repeats: int, arguments: argparse.Namespace) -> Iterator[Row]:
    """Measure the rows of one topic."""
    measuring: dict[str, Callable[[], Iterator[Row]]] = {
        "precompute": lambda: precompute.rows(folder, clips, repeats),
        "steps": lambda: steps.rows(folder, repeats, arguments.quick),
        "portable": lambda: portable.rows(folder, repeats, arguments.quick),
        "complete": lambda: complete.rows(folder, arguments.quick, arguments.complete),
        "reruns": lambda: reruns.rows(folder, repeats, arguments.quick),
        "memory": lambda: scaling.rows(folder, arguments.quick),
        "hearing": lambda: hearing.rows(folder, repeats, arguments.quick),
        "service": lambda: service.rows(folder, repeats, arguments.quick),
        "gpu": lambda: gpu.rows(folder),
    }
    return measuring[topic]()


if __name__ == "__main__":
    with reporting("bench"):
        main()
