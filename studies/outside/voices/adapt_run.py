"""Answer the clips of one fold after hearing unlabelled ones, from a model's runs alone → answers/<model>/<fold>.pt.

The features are the model's own log-probabilities, so nothing is trained. The validation speakers stand for the
training speakers, of whose clips the model is too sure.
"""

import argparse

import pandas as pd

from ser.adaptation.adapter import log_ratios
from ser.adaptation.protocol import Asked
from ser.adaptation.speakers import Speakers
from ser.corpora.emotions import EMOTION_INDEX
from ser.evaluation.adapted import DrawSettings, StrengthSettings, ask_logs
from ser.evaluation.runs import log_probabilities, read_runs
from ser.storage.errors import reporting
from ser.storage.params import build, read_params
from studies.outside.voices.answers import PARTS, answer_parts, write_answers
from studies.outside.voices.settings import PARAMS, RUNS, fold_clips

SEED = 1  # of a model with several


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=RUNS, help="one with runs")
    parser.add_argument("fold", type=int, help="of Luna-Jiménez's folds")
    arguments = parser.parse_args()
    with reporting("adapt_run"):
        draws, strengths = read_params(PARAMS, "draws", "run_strengths")
        runs = pd.concat([read_runs(RUNS[arguments.model], part) for part in PARTS])
        run = runs[(runs["fold"] == arguments.fold) & (runs["seed"] == SEED)].set_index("clip")
        clips = fold_clips(arguments.fold)
        answers, chosen = answer_parts(
            clips,
            lambda _, asked: ask_run(run, clips.iloc[asked], clips[clips["split"] == "val"]),
            build(StrengthSettings, strengths, "run_strengths", str(PARAMS)).grid,
            build(DrawSettings, draws, "draws", str(PARAMS)),
        )
        write_answers(answers, chosen, arguments.model, arguments.fold)
        print(f"{arguments.model}, fold {arguments.fold}: {chosen}")


def ask_run(run: pd.DataFrame, asked: pd.DataFrame, val: pd.DataFrame) -> tuple[Asked, Speakers]:
    """Return what is to be answered of some clips, and the statistics of the validation speakers."""
    plain, others = (log_probabilities(run.loc[clips["clip"]]) for clips in (asked, val))
    known = Speakers.fit(log_ratios(others), val["actor"].to_numpy())
    return ask_logs(plain, asked["emotion"].map(EMOTION_INDEX).to_numpy(), asked["actor"].to_numpy(), known), known


if __name__ == "__main__":
    main()
