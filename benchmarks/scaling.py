"""Rows: memory and time of the feature stages on the corpus once, 4 times and 16 times over."""

import csv
from collections.abc import Iterator
from pathlib import Path

from benchmarks import corpus, table
from benchmarks.measuring import run, timed
from benchmarks.table import Row

FACTORS = (1, 4, 16)
FLAT = 1.25  # of the peak at once the corpus
LINEAR = 1.25  # of the time at once the corpus, times the factor
STAGES = ("precompute_mel", "precompute_mfcc", "precompute_logmel")


def rows(folder: Path, quick: bool) -> Iterator[Row]:
    """Measure each stage on repeated clips: those of the workspace, under new names."""
    clips = corpus.clips_in(folder)
    repeated = folder.with_name("repeated")
    corpus.copy_to(repeated, quick, {})
    (repeated / "data/raw").symlink_to(folder / "data/raw")
    once = {}
    for factor in FACTORS:
        write_repeated(clips, factor, repeated / "data/clips.csv")
        for stage in STAGES:
            measured = run(timed(f"stages.{stage}"), repeated)
            first = once.setdefault(stage, measured)
            growth = measured.peak_mib / first.peak_mib
            slower = measured.facts["work_s"] / first.facts["work_s"]
            yield Row(
                f"{stage}, {factor} × {len(clips)} clips",
                f"1 × {len(clips)} clips",
                table.duration(measured.facts["work_s"]),
                table.duration(first.facts["work_s"]),
                f"{growth:.2f} × the memory, {slower:.2f} × the time",
                f"memory ≤ {FLAT} ×, time ≤ {LINEAR * factor:g} ×" if factor > 1 else "–",
                (growth <= FLAT and slower <= LINEAR * factor) if factor > 1 else None,
                table.memory(measured.peak_mib, first.peak_mib),
            )


def write_repeated(clips: list[dict[str, str]], factor: int, path: Path) -> None:
    """Write a clip table that lists every clip `factor` times, each time under another name."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, clips[0])
        writer.writeheader()
        for copy in range(factor):
            writer.writerows(clip | {"clip": f"{clip['clip']}-{copy}"} for clip in clips)
