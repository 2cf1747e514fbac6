"""Answer the clips of one fold after hearing unlabelled ones: embeddings or functionals → answers/<features>/<fold>.pt.

By logistic regression, fitted on training speakers that are normalised one by one.
"""

import argparse

import numpy as np
import pandas as pd

from ser.adaptation.protocol import Asked
from ser.adaptation.speakers import Speakers
from ser.data.embeddings import EmbeddedClips
from ser.evaluation.adapted import DrawSettings, StrengthSettings
from ser.models.adapted import AdaptableHead
from ser.models.logistic import LogisticSettings
from ser.storage.errors import reporting
from ser.storage.params import build, read_params
from studies.outside.voices.answers import answer_parts, write_answers
from studies.outside.voices.settings import FEATURES, PARAMS, fold_clips


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("features", choices=FEATURES, help="a key of `features` in params.yaml")
    parser.add_argument("fold", type=int, help="of Luna-Jiménez's folds")
    arguments = parser.parse_args()
    with reporting("adapt_head"):
        features, draws, strengths = read_params(PARAMS, "features", "draws", "strengths")
        settings = build(LogisticSettings, features[arguments.features], f"features.{arguments.features}", str(PARAMS))
        clips = fold_clips(arguments.fold)
        embedded = EmbeddedClips.read(FEATURES[arguments.features], clips)
        answers, chosen = answer_parts(
            clips,
            lambda known, asked: ask_head(embedded, clips, known, asked, settings),
            build(StrengthSettings, strengths, "strengths", str(PARAMS)).grid,
            build(DrawSettings, draws, "draws", str(PARAMS)),
        )
        write_answers(answers, chosen, arguments.features, arguments.fold)
        print(f"{arguments.features}, fold {arguments.fold}: {chosen}")


def ask_head(
    embedded: EmbeddedClips, clips: pd.DataFrame, known: np.ndarray, asked: np.ndarray, settings: LogisticSettings
) -> tuple[Asked, Speakers]:
    """Train on the clips of some rows, and return what is to be answered of others, and the training speakers."""
    features = embedded.embeddings.reshape(len(embedded.embeddings), len(clips), -1)
    labels, actors = embedded.labels, clips["actor"].to_numpy()
    head = AdaptableHead.train(features[:, known], labels[known], actors[known], settings)
    return head.ask(features[:, asked], labels[asked], actors[asked]), head.speakers


if __name__ == "__main__":
    main()
