"""Members of a model: answers of this project, or runs without adaptation."""

from pathlib import Path

import pandas as pd

from ser.adaptation.speakers import Strengths
from ser.evaluation.runs import log_probabilities, read_runs
from studies.outside.voices.answers import PARTS, Answers, read_answers
from studies.outside.voices.settings import PROTOCOL, RUNS, fold_clips

SEEDS = "compact_seeds"  # which nobody adapted


def read_member(name: str, fold: int) -> tuple[dict[str, Answers], Strengths | None]:
    """Return answers by part, and the strengths that were chosen; None of a model that nobody adapted."""
    if name != SEEDS:
        return read_answers(name, fold)
    clips, run, answers = fold_clips(fold), read_run(RUNS / PROTOCOL / name, fold, seed=1), {}
    for part in PARTS:
        names = clips.loc[clips["split"] == part, "clip"].tolist()
        answers[part] = Answers(names, log_probabilities(run.loc[names]), None)
    return answers, None


def read_run(folder: Path, fold: int, seed: int) -> pd.DataFrame:
    """Return the predictions of a fold, of val and test, by clip."""
    runs = pd.concat([read_runs(folder, part) for part in PARTS])
    return runs[(runs["fold"] == fold) & (runs["seed"] == seed)].set_index("clip")
