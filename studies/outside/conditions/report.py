"""Score a model in all conditions, plain beside robust: runs → tables/, metrics/ and plots/<model>.*."""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ser.corpora.clip_table import read_clips
from ser.corpora.emotions import EMOTIONS
from ser.corpora.protocols import SPEAKER_FOLDS
from ser.evaluation import recall, statistics
from ser.evaluation.calibration import calibration_error
from ser.evaluation.coverage import coverage_at
from ser.evaluation.plotting import save_figure
from ser.evaluation.predictions import read_predictions
from ser.evaluation.run_scores import trust
from ser.evaluation.runs import counts_of
from ser.storage.errors import reporting
from ser.storage.files import write_json, write_table
from ser.storage.params import read_params
from studies.outside.conditions.outcome import CLEAN, DIGITS, FACTS, read_accuracy
from studies.outside.conditions.report_figure import draw_conditions
from studies.outside.conditions.settings import FOLDER, PARAMS, RUNS

CLIPS = Path("data/clips.csv")
FORMS = ("plain", "robust")
UNTRAINED = ("codec", "low_pass", "silence", "speed")  # kinds of conditions that no training copy has
WRITTEN_DIGITS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help=f"what the names of folders in {RUNS} begin with")
    model = parser.parse_args().model
    with reporting("report"):
        conditions, accuracy = read_params(PARAMS, "conditions"), read_accuracy()
        actors = read_clips(CLIPS, "clip", "actor").set_index("clip")["actor"]
        untrained = [name for name, values in conditions.items() if values["kind"] in UNTRAINED]
        rows, facts = [], {}
        for form in FORMS:
            runs = {name: read_condition(f"{model}_{form}", name, actors) for name in (CLEAN, *conditions)}
            scored = {name: score(run, accuracy) for name, run in runs.items()}
            rows += [{"form": form, "condition": name} | scores for name, scores in scored.items()]
            facts[form] = summarise(runs, scored, list(conditions), untrained)
        table = pd.DataFrame(rows)
        write_table(table, FOLDER / "tables" / f"{model}.csv", WRITTEN_DIGITS)
        write_json(facts, FOLDER / "metrics" / f"{model}.json", WRITTEN_DIGITS)
        save_figure(draw_conditions(table, model), FOLDER / "plots" / f"{model}.png")
        print(table.to_string(index=False))


def read_condition(model: str, condition: str, actors: pd.Series) -> pd.DataFrame:
    """Return the predictions of all folds in one condition, with unit, actor, temperature and min_confidence."""
    folds = []
    for fold in range(1, len(SPEAKER_FOLDS["luna"]) + 1):
        folder = RUNS / model / str(fold)
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        folds.append(read_predictions(folder / f"{condition}.csv", DIGITS).assign(**facts))
    table = pd.concat(folds, ignore_index=True)
    return table.assign(unit=1, actor=table["clip"].map(actors))


def score(run: pd.DataFrame, accuracy: float) -> dict[str, float]:
    """Return the scores of one condition.

    coverage: the largest share of clips, the most confident first, that are right as often as `accuracy`, as these test
    clips tell. answered: the share that reaches the confidence at which validation clips had that accuracy, and
    answered_accuracy: how many of these are right.
    """
    confidence, right = trust(run, run["temperature"].to_numpy()[:, None])
    answered = confidence >= run["min_confidence"].to_numpy()
    uar = statistics.over_units(counts_of(run), recall.uar)
    return {
        "uar": uar["mean"],
        "uar_low": uar["low"],
        "uar_high": uar["high"],
        "accuracy": float(right.mean()),
        "confidence": float(confidence.mean()),
        "ece": calibration_error(confidence, right),
        "coverage": coverage_at(confidence, right, accuracy).share,
        "answered": float(answered.mean()),
        "answered_accuracy": float(right[answered].mean()) if answered.any() else float("nan"),
    }


def summarise(
    runs: dict[str, pd.DataFrame], scored: dict[str, dict[str, float]], conditions: list[str], untrained: list[str]
) -> dict[str, Any]:
    """Return clean UAR, the mean over the conditions with its interval over speakers, and the worst of either kind."""
    uar = {name: scored[name]["uar"] for name in conditions}
    ece = {name: scored[name]["ece"] for name in (CLEAN, *conditions)}
    low, high = statistics.interval(
        np.mean([statistics.resampled(counts_of(runs[name]), recall.uar) for name in conditions], axis=0)
    )
    worst, surest = min(uar, key=uar.__getitem__), max(ece, key=ece.__getitem__)
    return {
        "chance": 1 / len(EMOTIONS),
        "clean_uar": scored[CLEAN]["uar"],
        "conditions": len(conditions),
        "mean_uar": {"mean": float(np.mean(list(uar.values()))), "low": low, "high": high},
        "untrained_kinds_mean_uar": float(np.mean([uar[name] for name in untrained])),
        "lowest_uar": {"condition": worst, "uar": uar[worst]},
        "highest_ece": {"condition": surest, "ece": ece[surest]},
    }


if __name__ == "__main__":
    main()
