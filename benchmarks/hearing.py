"""Rows: `ser predict` against PyTorch, against what it imports, with two processes, on an hour, and on a stream."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks import table
from benchmarks.corpus import ROOT, clips_in
from benchmarks.measuring import Run, alternate, ratios, run, worker
from benchmarks.table import Row

# Name of a bundle: the trained models of the same kind, for PyTorch, and how much faster a clip shall be
MODELS = {
    "compact": (("release/trained/compact", "models/compact"), 2.0),
    "encoder": (("release/trained/encoder",), 1.3),
}
LONG_S = (60, 3600)
HOPS = 60  # of the stream


def rows(folder: Path, repeats: int, quick: bool) -> Iterator[Row]:
    """Measure each bundle that is there, on one core."""
    os.environ["OMP_NUM_THREADS"] = "1"
    clips = [str(folder / "data/raw" / row["path"]) for row in clips_in(folder)]
    listed = folder / "clips.txt"
    listed.write_text("\n".join(clips), encoding="utf-8")
    seconds = sum(float(row["duration_s"]) for row in clips_in(folder))
    for name, (trained, goal) in MODELS.items():
        bundle = ROOT / "release/models" / name
        peers = [ROOT / path for path in trained if (ROOT / path).exists()]
        if not (bundle / "model.onnx").exists() or not peers:
            continue
        if name == "compact":
            yield from _one_clip(clips[0], bundle, peers[0], repeats)
        yield _corpus(listed, len(clips), seconds, bundle, peers[0], repeats, goal)
        if name == "compact":
            yield _processes(folder / "data/raw", len(clips), bundle, repeats)
            yield from _long(folder, bundle, quick)
            yield _stream(bundle)


def predict(*arguments: str) -> list[str]:
    """The command `ser predict`."""
    return [sys.executable, "-m", "ser.inference", "predict", *arguments]


def _one_clip(clip: str, bundle: Path, trained: Path, repeats: int) -> Iterator[Row]:
    runs = alternate(
        max(repeats, 5),
        ours=lambda: run(predict(clip, "--model", str(bundle)), ROOT),
        torch=lambda: run(worker("hearing", str(trained), clip), ROOT),
        imports=lambda: run([sys.executable, "-c", "import numpy, onnxruntime"], ROOT),
    )
    seconds = {side: [one.seconds for one in runs[side]] for side in runs}
    for side, against, goal in (("torch", "the same through PyTorch", 0.25), ("imports", "importing onnxruntime", 2.0)):
        yield _row(
            "`ser predict` one clip, whole process",
            against,
            runs["ours"],
            runs[side],
            table.at_most(ratios(seconds[side], seconds["ours"]), goal),
        )


def _corpus(listed: Path, clips: int, seconds: float, bundle: Path, trained: Path, repeats: int, goal: float) -> Row:
    runs = alternate(
        repeats,
        ours=lambda: run(worker("hearing", str(bundle), f"@{listed}"), ROOT),
        torch=lambda: run(worker("hearing", str(trained), f"@{listed}"), ROOT),
    )
    work_s = {side: [one.facts["work_s"] for one in runs[side]] for side in runs}
    pace = seconds / table.Spread.of(work_s["ours"]).median
    return _row(
        f"{clips} clips, one core, {bundle.name}: {pace:.0f} s of sound a second",
        "PyTorch, one clip at a time",
        runs["ours"],
        runs["torch"],
        table.at_least(ratios(work_s["ours"], work_s["torch"]), goal),
        work=True,
    )


def _processes(raw: Path, clips: int, bundle: Path, repeats: int) -> Row:
    out = str(raw.parent / "heard.csv")
    runs = alternate(
        repeats,
        two=lambda: run(predict(str(raw), "--model", str(bundle), "--out", out, "--jobs", "2"), ROOT),
        one=lambda: run(predict(str(raw), "--model", str(bundle), "--out", out), ROOT),
    )
    seconds = {side: [one.seconds for one in runs[side]] for side in runs}
    goal = table.at_least(ratios(seconds["two"], seconds["one"]), 1.8)
    return _row(f"`ser predict --jobs 2`, {clips} clips", "one process", runs["two"], runs["one"], goal)


def _long(folder: Path, bundle: Path, quick: bool) -> Iterator[Row]:
    short_s, long_s = (30, 120) if quick else LONG_S
    measured = {}
    for duration_s in (short_s, long_s):
        path = folder / f"{duration_s}.wav"
        run(worker("conversation", str(folder / "data/raw"), str(path), str(duration_s)), ROOT)
        measured[duration_s] = run(predict(str(path), "--model", str(bundle), "--format", "csv"), ROOT)
    start_s = run(predict("--help"), ROOT).seconds
    ours, theirs = measured[long_s], measured[short_s]
    growth = ours.peak_mib / theirs.peak_mib
    slower = (ours.seconds - start_s) / (theirs.seconds - start_s) / (long_s / short_s)
    yield Row(
        f"`ser predict` {table.duration(long_s)}",
        f"{table.duration(short_s)}",
        table.duration(ours.seconds),
        table.duration(theirs.seconds),
        f"{growth:.2f} × the memory, {slower:.2f} × the time a second of sound",
        "memory ≤ 1.2 ×, time linear (≤ 1.25 ×)",
        growth <= 1.2 and slower <= 1.25,
        table.memory(ours.peak_mib, theirs.peak_mib),
    )


def _stream(bundle: Path) -> Row:
    measured = run(worker("stream", str(bundle), str(HOPS)), ROOT)
    late_s = measured.facts["p95_s"]
    return Row(
        f"`ser predict -`, answer to each of {HOPS} hops, 95th percentile",
        "the hop of 1 s",
        table.duration(late_s),
        table.duration(1.0),
        f"{late_s:.3f} ×",
        "≤ 0.1 ×",
        late_s <= 0.1,
        table.memory(measured.peak_mib),
    )


def _row(
    what: str, against: str, ours: list[Run], theirs: list[Run], goal: dict[str, object], work: bool = False
) -> Row:
    def median_s(runs: list[Run]) -> float:
        return table.Spread.of(one.facts["work_s"] if work else one.seconds for one in runs).median

    peaks = (max(one.peak_mib for one in side) for side in (ours, theirs))
    times = (table.duration(median_s(ours)), table.duration(median_s(theirs)))
    return Row(what, against, *times, memory=table.memory(*peaks), **goal)
