"""A study's trials as a table, and what the best of them gains."""

import json
from typing import Any

import optuna
import pandas as pd
from optuna.importance import FanovaImportanceEvaluator
from optuna.trial import FrozenTrial, TrialState

from studies.tuning.search import Search, fold_names
from studies.tuning.space import decode

FEWEST = 5  # trials that say anything of importances
STATES = {TrialState.FAIL: "interrupted"}  # and put back, as a later trial


def tabulate(study: optuna.Study, search: Search) -> pd.DataFrame:
    """Return a row a trial: number, state, baseline, uar, gain, a column a fold, seconds, refused, its values as JSON.

    uar is the mean over the folds that the trial ran, gain that mean above the values at the start on the same folds.
    """
    rows = [_row(trial, search) for trial in study.trials if trial.params.keys() >= search.space.keys()]
    table, folds = pd.DataFrame(rows), fold_names(search)
    baseline = table.loc[table["baseline"] & (table["state"] == "complete"), folds].iloc[0].astype(float)
    scores = table[folds].astype(float)
    table.insert(3, "uar", scores.mean(axis=1))
    table.insert(4, "gain", (scores - baseline).mean(axis=1))
    return table


def _row(trial: FrozenTrial, search: Search) -> dict[str, Any]:
    row = {
        "number": trial.number,
        "state": STATES.get(trial.state, trial.state.name.lower()),
        "baseline": "baseline" in trial.user_attrs,
    }
    row |= {name: trial.user_attrs.get(name) for name in fold_names(search)}
    seconds = round(trial.duration.total_seconds(), 1) if trial.duration else None
    row |= {"seconds": seconds, "refused": trial.user_attrs.get("refused")}
    return row | {key: json.dumps(value) for key, value in decode(trial.params, search.space).items()}


def best_of(complete: pd.DataFrame, folds: list[str]) -> pd.Series:
    """Return the trial with the highest mean over these folds, the values at the start where they are as good."""
    order = complete.assign(mean=complete[folds].mean(axis=1)).sort_values(
        ["mean", "baseline", "number"], ascending=[False, False, True], kind="stable"
    )
    return order.iloc[0]


def summarise(table: pd.DataFrame, search: Search) -> dict[str, Any]:
    """Return the best trial, its values and its gain, which is optimistic, as it was chosen for being high.

    `gain_left_out` is what a choice on all folds but one gains on that one, averaged: nearer to the truth, though the
    speakers that validate one fold train another.
    """
    folds = fold_names(search)
    complete = table[table["state"] == "complete"]
    best, baseline = best_of(complete, folds), complete[complete["baseline"]].iloc[0]
    choices = {fold: best_of(complete, [name for name in folds if name != fold] or folds) for fold in folds}
    left_out = [choice[fold] - baseline[fold] for fold, choice in choices.items()]
    return {
        "trial": int(best["number"]),
        "baseline": bool(best["baseline"]),
        "values": {key: json.loads(best[key]) for key in search.space},
        "uar": float(best["uar"]),
        "baseline_uar": float(baseline["uar"]),
        "gain": float(best["gain"]),
        "gain_left_out": float(sum(left_out) / len(left_out)) if len(folds) > 1 else None,
        "trials": table["state"].value_counts().to_dict(),
    }


def measure_importances(study: optuna.Study) -> dict[str, float]:
    """Return the share of the variance of UAR that each setting explains (fANOVA, Hutter et al. 2014), in all 1.

    Empty where too few trials ran all folds, or all are equal.
    """
    values = [trial.value for trial in study.get_trials(states=(TrialState.COMPLETE,))]
    if len(values) < FEWEST or min(values) == max(values):
        return {}
    return optuna.importance.get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))
