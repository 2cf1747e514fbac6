"""Rows: mel and MFCC of the whole corpus from WAV files, against librosa, on-the-fly features and decoding alone."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks import table
from benchmarks.measuring import Run, alternate, ratios, require_equal, run, run_all, timed
from benchmarks.table import Row

TOLERANCE = 1e-4
OURS = (timed("stages.precompute_mel"), timed("stages.precompute_mfcc"))
FEATURES = ("features", "theirs")  # the check of what a peer wrote
LIBROSA = "benchmarks.peers.librosa_features"
PEERS = {  # command, check, goal
    "librosa, one clip at a time, with torchaudio's resampling filter": (
        (LIBROSA, "theirs", "--resampler", "torchaudio"),
        FEATURES,
        4.0,
    ),
    "librosa, one clip at a time, with its own resampler": ((LIBROSA, "theirs"), ("librosa",), 4.0),
    "torchaudio's transforms on the fly, one clip at a time": (
        ("benchmarks.peers.on_the_fly", "theirs"),
        FEATURES,
        5.5,
    ),
}
DECODING = timed("benchmarks.peers.decoding")


def rows(folder: Path, clips: int, repeats: int) -> Iterator[Row]:
    """Measure in a workspace; times are those of the work, without starting Python and importing."""
    for against, (peer, check, goal) in PEERS.items():
        runs = alternate(
            repeats, ours=lambda: run_all(OURS, folder), theirs=lambda peer=peer: run(timed(*peer), folder)
        )
        require_equal(folder, TOLERANCE, *check)
        yield _row(against, runs, clips, **table.at_least(_ratio(runs), goal))
    runs = alternate(repeats, ours=lambda: run_all(OURS, folder), theirs=lambda: run(DECODING, folder))
    slower = ratios(_work(runs["theirs"]), _work(runs["ours"]))
    yield _row("decoding alone, the floor", runs, clips, **table.at_most(slower, 2.5))


def _row(against: str, runs: dict[str, list[Run]], clips: int, **verdict: object) -> Row:
    rates = [clips / table.Spread.of(_work(side)).median for side in runs.values()]
    peaks = [max(one.peak_mib for one in side) for side in runs.values()]
    ours, theirs = (f"{rate:.0f} clips/s" for rate in rates)
    return Row(f"mel and MFCC of {clips} clips", against, ours, theirs, memory=table.memory(*peaks), **verdict)


def _ratio(runs: dict[str, list[Run]]) -> table.Spread:
    return ratios(_work(runs["ours"]), _work(runs["theirs"]))


def _work(runs: list[Run]) -> list[float]:
    return [one.facts["work_s"] for one in runs]
