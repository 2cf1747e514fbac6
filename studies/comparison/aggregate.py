"""Score all runs of a protocol: */runs/<protocol> → studies/comparison/{metrics,plots,tables}/<protocol>*."""

import argparse
from pathlib import Path

import pandas as pd

from ser.corpora.clip_table import read_clips
from ser.evaluation import statistics
from ser.evaluation.fold_predictions import DIGITS
from ser.evaluation.run_scores import ABOUT, class_table, complete_units, score, trust_curves
from ser.evaluation.runs import counts_of, read_runs
from ser.storage.errors import reporting
from ser.storage.files import write_json, write_table
from studies.comparison.found_runs import find_runs

CLIPS = Path("data/clips.csv")
OUT = Path("studies/comparison")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("protocol", help="a folder of runs, such as luna")
    protocol = parser.parse_args().protocol
    with reporting("aggregate"):
        aggregate(protocol)


def aggregate(protocol: str) -> None:
    """Write metrics, tables and curves of all models that have runs, and print the headline."""
    about = read_clips(CLIPS, "clip", *ABOUT).set_index("clip")[list(ABOUT)]
    metrics, classes, curves, counts = {}, [], {"reliability": [], "coverage": []}, {}
    for model, folder in find_runs(protocol).items():
        runs = complete_units(read_runs(folder).join(about, on="clip"), protocol, folder)
        counts[model] = counts_of(runs)
        metrics[model] = score(runs)
        classes.append(class_table(counts[model]).assign(model=model))
        for name, table in trust_curves(runs).items():
            curves[name].append(table.assign(model=model))
    write_json(metrics, OUT / f"metrics/{protocol}.json", DIGITS)
    write_table(
        pd.concat(classes)[["model", "emotion", "mean", "sd", "low", "high"]],
        OUT / f"tables/{protocol}_recall.csv",
        DIGITS,
    )
    write_table(statistics.compare_pairs(counts), OUT / f"tables/{protocol}_pairs.csv", DIGITS)
    for name, tables in curves.items():
        write_table(pd.concat(tables), OUT / f"plots/{protocol}_{name}.csv", DIGITS)
    for model, scores in metrics.items():
        print(f"{model}: UAR {scores['uar']['mean']:.4f} [{scores['uar']['low']:.4f}, {scores['uar']['high']:.4f}]")


if __name__ == "__main__":
    main()
