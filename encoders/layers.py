"""Score each layer alone on validation speakers of Luna's folds: encoders/embeddings → encoders/tables/layers.csv."""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import recall_score

from crossval.protocols import SPEAKER_FOLDS
from crossval.runs import Run
from encoders.copies import labels_of, load_embeddings, predict_copies, stack_copies
from encoders.logistic import LogisticSettings, fit_logistic
from stages.ser.errors import reporting
from stages.ser.files import write_table
from stages.ser.params import build, read_params

PARAMS = Path("encoders/params.yaml")
EMBEDDINGS = Path("encoders/embeddings")
TABLE = Path("encoders/tables/layers.csv")
DIGITS = 4


def score_layers(embeddings: np.ndarray, clips: pd.DataFrame, settings: LogisticSettings) -> list[float]:
    """Return the UAR on the clips of the split val, of each layer alone and then of all together.

    embeddings: (copy, clip, layers, 2, width). Trained on the split train; the split test is not looked at.
    """
    labels, split = labels_of(clips), clips["split"].to_numpy()
    val, scores = split == "val", []
    for layers in [*([layer] for layer in range(embeddings.shape[2])), range(embeddings.shape[2])]:
        features = embeddings[:, :, list(layers)].reshape(*embeddings.shape[:2], -1)
        head = fit_logistic(*stack_copies(features, labels, split == "train"), settings)
        predicted = predict_copies(features[:, val], head)
        scores.append(recall_score(labels[val], predicted.argmax(axis=1), average="macro"))
    return scores


def main() -> None:
    with reporting("layers"):
        values, speeds = read_params(PARAMS, "train_logistic", "speeds")
        settings = build(LogisticSettings, values, "train_logistic", str(PARAMS))
        columns = {}
        for fold in range(1, len(SPEAKER_FOLDS["luna"]) + 1):
            clips = Run("luna", fold, 1, permuted=False).clips()
            embeddings = load_embeddings([EMBEDDINGS / f"{copy}.pt" for copy in speeds], clips["clip"])
            columns[f"fold_{fold}"] = score_layers(embeddings, clips, settings)
        table = pd.DataFrame(columns)
        table.insert(0, "layer", [*map(str, range(len(table) - 1)), "all"])
        table.insert(1, "uar", table.iloc[:, 1:].mean(axis=1))
        write_table(table, TABLE, DIGITS)
        print(table.to_string(index=False))


if __name__ == "__main__":
    main()
