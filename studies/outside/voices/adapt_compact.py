"""Answer the clips of one fold after hearing unlabelled ones, by CompactNet → answers/compact/<fold>.pt.

Before adaptation it is the network of ../../crossval, afterwards that of `train_compact`.
"""

import argparse
import dataclasses

import numpy as np
import pandas as pd
import torch

from ser.adaptation.heads import log_softmax
from ser.adaptation.protocol import Asked
from ser.adaptation.speakers import Normaliser, Speakers
from ser.corpora.emotions import EMOTIONS
from ser.data.own_length import OwnLengthClips
from ser.evaluation.runs import log_probabilities
from ser.models.compact import Compact
from ser.storage.errors import reporting
from ser.storage.params import build, read_params, read_value
from ser.training.runtime import set_up_torch
from studies.outside.voices.answers import answer_parts, write_answers
from studies.outside.voices.centred import mean_spectra, normalised
from studies.outside.voices.members import read_run
from studies.outside.voices.settings import (
    LOGMEL,
    PARAMS,
    TRAINED,
    UNADAPTED,
    DrawSettings,
    StrengthSettings,
    fold_clips,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fold", type=int, help="of Luna-Jiménez's folds")
    fold = parser.parse_args().fold
    with reporting("adapt_compact"):
        draws, compact = read_params(PARAMS, "draws", "compact")
        strengths = build(StrengthSettings, compact["strengths"], "compact.strengths", str(PARAMS))
        draws = dataclasses.replace(
            build(DrawSettings, draws, "draws", str(PARAMS)), repeats=read_value(PARAMS, "compact.repeats", int)
        )
        set_up_torch(1)
        clips = fold_clips(fold)
        dataset, runs = OwnLengthClips.from_cache(LOGMEL, clips), read_run(UNADAPTED, fold, compact["seed"])
        answers, chosen = answer_parts(
            clips, lambda known, asked: ask_network(dataset, clips, runs, known, asked, fold), strengths.grid, draws
        )
        write_answers(answers, chosen, "compact", fold)
        print(f"compact, fold {fold}: {chosen}")


def ask_network(
    dataset: OwnLengthClips, clips: pd.DataFrame, runs: pd.DataFrame, known: np.ndarray, asked: np.ndarray, fold: int
) -> tuple[Asked, Speakers]:
    """Load the network of a part, and return what is to be answered of its clips, and the training speakers."""
    part, actors = clips["split"].iloc[asked[0]], clips["actor"].to_numpy()
    model, heard = Compact.load(TRAINED / f"{fold}/{part}"), dataset[torch.from_numpy(asked)]
    trained = dataset[torch.from_numpy(known)]
    speakers = Speakers.fit(mean_spectra(trained), trained.labels.numpy(), actors[known], len(EMOTIONS))

    def logs(rows: np.ndarray, normaliser: Normaliser) -> np.ndarray:
        return log_softmax(model.logits(normalised(heard[torch.from_numpy(rows)], normaliser, speakers)).numpy())

    plain = log_probabilities(runs.loc[clips["clip"].iloc[asked]])
    return Asked(mean_spectra(heard), heard.labels.numpy(), actors[asked], plain, logs), speakers


if __name__ == "__main__":
    main()
