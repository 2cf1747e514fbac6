"""What a rerun promises to share with the committed run: its outputs → a row each."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from scripts.compare_locks import Output
from scripts.verify.bands import SCORES, expected_band
from ser.storage.files import read_table
from ser.storage.params import read_params
from ser.storage.tensors import load_tensors

SAME_BYTES = ("data/raw", "data/clips.csv", "data/splits.csv")
FEATURES = PurePosixPath("data/features")
# Relative, of the worst clip. Synthetic clips were off by 1.1e-6 under ATEN_CPU_CAPABILITY=default MKL_CBWR=COMPATIBLE,
# as on a processor without AVX; single mel bins by 0.002 dB, for far below the loudest float32 has few digits left
TOLERANCE = 1e-5
KEPT, BROKEN, NO_PROMISE = "ok", "FAIL", "–"


class Row(NamedTuple):
    """One thing compared."""

    output: str
    expected: str
    found: str
    verdict: str


class Committed(NamedTuple):
    """What a rerun is compared with, beside dvc.lock."""

    tests: Mapping[str, Mapping[str, Any]]  # test scores, interval and clips by metrics file
    seeds: Mapping[str, Any] | None  # metrics/seeds.json, if it is of the same corpus and protocol
    portable: bool  # runtime.portable of the committed params: the same bytes are promised on any processor
    cached: Callable[[str], Path]  # MD5 → the file in DVC's cache, there or not


def read_committed(project: Path, cached: Callable[[str], Path]) -> Committed:
    """Read the committed scores of a clone in which nothing has run yet."""
    metrics = {path: json.loads(path.read_text(encoding="utf-8")) for path in project.glob("metrics/*.json")}
    tests = {}
    for path, scores in metrics.items():
        if "test" in scores:
            groups = read_table(project / f"metrics/groups/{path.stem}.csv", ("group", "clips")).set_index("group")
            tests[f"metrics/{path.name}"] = groups.loc["test"].to_dict() | scores["test"]
    corpus, split, runtime = read_params(project / "params.yaml", "corpus", "split", "runtime")
    seeds = metrics.get(project / "metrics/seeds.json", {})
    same = (seeds.get("corpus"), seeds.get("protocol")) == (corpus["name"], split["protocol"])
    return Committed(tests, seeds if same else None, runtime["portable"], cached)


def judge(outputs: list[Output], project: Path, committed: Committed) -> list[Row]:
    """Return a row for each output of the rerun in `project`, and one for each test score among them."""
    rows = []
    for output in outputs:
        if committed.portable:
            rows.append(judge_bytes(output))
            continue
        rows.append(judge_output(output, project, committed.cached))
        if output.path in committed.tests:
            rows += judge_scores(output.path, project, committed)
    return rows


def judge_bytes(output: Output) -> Row:
    """Demand the same bytes."""
    same = output.equal == "equal"
    return Row(output.path, "same bytes", "same bytes" if same else "other bytes", verdict(same))


def judge_output(output: Output, project: Path, cached: Callable[[str], Path]) -> Row:
    """Compare the bytes of an output, or the values of features whose bytes differ."""
    same = output.equal == "equal"
    found = "same bytes" if same else "other bytes"
    if output.path in SAME_BYTES:
        return judge_bytes(output)
    if PurePosixPath(output.path).parent != FEATURES:
        return Row(output.path, "any bytes", found, NO_PROMISE)
    expected = f"within {TOLERANCE}"
    if same:
        return Row(output.path, expected, found, KEPT)
    if not cached(output.old).exists():
        return Row(output.path, expected, f"{found}; the committed ones are not in the cache", NO_PROMISE)
    off = deviation(cached(output.old), project / output.path)
    return Row(output.path, expected, f"off by {off:.1e} at most", verdict(off <= TOLERANCE))


def judge_scores(path: str, project: Path, committed: Committed) -> Iterator[Row]:
    """Hold the test scores of a model against their bands."""
    before, model = committed.tests[path], PurePosixPath(path).stem
    after = json.loads((project / path).read_text(encoding="utf-8"))["test"]
    for score in SCORES:
        band = expected_band(model, score, before, committed.seeds)
        expected, found = f"{band.low:.4f} to {band.high:.4f} ({band.source})", f"{after[score]}, was {before[score]}"
        yield Row(f"{path}: {score}", expected, found, verdict(band.holds(after[score])))


def verdict(kept: bool) -> str:
    """Name the outcome of a promise."""
    return KEPT if kept else BROKEN


def deviation(committed: Path, rerun: Path) -> float:
    """Return the largest ‖difference‖ / ‖committed‖ of a clip in two feature files, infinite for other clips."""
    old, new = (load_tensors(path, ("clips", "features")) for path in (committed, rerun))
    if old["clips"] != new["clips"] or old["features"].shape != new["features"].shape:
        return float("inf")
    before, after = old["features"].flatten(1), new["features"].flatten(1)
    return float(((after - before).norm(dim=1) / before.norm(dim=1)).max())
