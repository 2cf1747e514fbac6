"""Summarise the experiments of `make seeds`: each test score's mean and sd → metrics/seeds.json."""

import argparse
import json
import statistics
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd
from dvc.api import DVCFileSystem
from dvc.scm import RevError

from ser.storage.errors import reporting
from ser.storage.files import read_table, write_json
from ser.storage.params import read_params

SCORES = ("accuracy", "uar", "macro_f1")
SUMMARY = Path("metrics/seeds.json")
DIGITS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seeds", type=int, nargs="+", help="N of the experiments seed-N")
    seeds = parser.parse_args().seeds
    try:
        tests = {seed: read_scores(seed) for seed in seeds}
        corpus, split = read_params(Path("params.yaml"), "corpus", "split")
        design = read_table(Path("data/design.csv")).query(
            "corpus == @corpus['name'] and protocol == @split['protocol']"
        )
        models = summarise(tests, dict(zip(design["model"], design["accuracy"], strict=True)))
    except ValueError as error:
        raise SystemExit(f"summarise_seeds: {error}") from None
    write_json({"corpus": corpus["name"], "protocol": split["protocol"], "models": models}, SUMMARY, DIGITS)
    print(f"Test split, mean and sd over the seeds {seeds} ({corpus['name']}, {split['protocol']}):")
    print(readable(models).to_string())


def read_scores(seed: int) -> dict[str, dict[str, float]]:
    """Return the test scores of each model in the experiment of one seed; ValueError if there is none."""
    files = DVCFileSystem(rev=f"seed-{seed}")
    try:
        paths = files.glob("metrics/*.json")
    except RevError as error:
        raise ValueError(f"no experiment seed-{seed} ({error}); `make seeds` makes it") from None
    metrics = {PurePosixPath(path).stem: json.loads(files.read_text(path)) for path in paths}
    return {model: scores["test"] for model, scores in metrics.items() if model != SUMMARY.stem}


def summarise(
    tests: Mapping[int, Mapping[str, Mapping[str, float]]], design: Mapping[str, float]
) -> dict[str, dict[str, Any]]:
    """Return, by model and score, the mean, the sample standard deviation and the value of each seed.

    `tests` holds scores by seed, model and score; a model of the design has its accuracy as `design_accuracy`.
    """
    if len(tests) < 2:
        raise ValueError(f"a standard deviation needs two seeds or more, found {list(tests)}")
    missing = [
        f"{model} (seed {seed})" for model in set().union(*tests.values()) for seed in tests if model not in tests[seed]
    ]
    if missing:
        raise ValueError(f"not every seed has every model: {sorted(missing)} missing")
    return {
        model: {score: spread({seed: tests[seed][model][score] for seed in tests}) for score in SCORES}
        | ({"design_accuracy": design[model]} if model in design else {})
        for model in sorted(set().union(*tests.values()))
    }


def spread(values: Mapping[int, float]) -> dict[str, Any]:
    """Return mean, sample standard deviation (n - 1) and the values themselves."""
    return {"mean": statistics.mean(values.values()), "sd": statistics.stdev(values.values()), "values": dict(values)}


def readable(models: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Return a table of `mean ± sd`, a row a model, with the design's accuracy in the last column."""
    rows = {
        model: {score: f"{scores[score]['mean']:.4f} ± {scores[score]['sd']:.4f}" for score in SCORES}
        | {"design_accuracy": f"{scores['design_accuracy']:.4f}" if "design_accuracy" in scores else "-"}
        for model, scores in models.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


if __name__ == "__main__":
    with reporting("summarise_seeds"):
        main()
