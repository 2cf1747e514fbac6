"""Score each layer alone on validation speakers of Luna's folds: encoders/embeddings → tables/layers.csv, plots."""

import dataclasses
from pathlib import Path

import pandas as pd
from sklearn.metrics import recall_score

from crossval.protocols import SPEAKER_FOLDS
from crossval.runs import Run
from encoders.copies import EmbeddedClips
from encoders.layer_figure import draw_layers
from encoders.logistic import LogisticSettings, fit_logistic
from stages.ser.errors import reporting
from stages.ser.files import write_table
from stages.ser.params import build, read_params
from stages.ser.plotting import save_figure

PARAMS = Path("encoders/params.yaml")
TABLE = Path("encoders/tables/layers.csv")
FIGURE = Path("encoders/plots/layers.png")
DIGITS = 4


def score_layers(clips: EmbeddedClips, settings: LogisticSettings) -> list[float]:
    """Return the UAR on the clips of the split val, of each layer alone and then of all together.

    Trained on the split train; the split test is not looked at.
    """
    layers, scores = clips.embeddings.shape[2], []
    for chosen in [*([layer] for layer in range(layers)), list(range(layers))]:
        heard = dataclasses.replace(clips, embeddings=clips.embeddings[:, :, chosen])
        head, val = fit_logistic(*heard.part("train").stacked(), settings), heard.part("val")
        scores.append(recall_score(val.labels, val.predict(head).argmax(axis=1), average="macro"))
    return scores


def main() -> None:
    with reporting("layers"):
        values, speeds, encoder = read_params(PARAMS, "train_logistic", "speeds", "encoder")
        settings = build(LogisticSettings, values, "train_logistic", str(PARAMS))
        columns = {}
        for fold in range(1, len(SPEAKER_FOLDS["luna"]) + 1):
            clips = Run("luna", fold, 1, permuted=False).clips()
            columns[f"fold_{fold}"] = score_layers(EmbeddedClips.read(speeds, clips), settings)
        table = pd.DataFrame(columns)
        table.insert(0, "layer", [*map(str, range(len(table) - 1)), "all"])
        table.insert(1, "uar", table.iloc[:, 1:].mean(axis=1))
        write_table(table, TABLE, DIGITS)
        save_figure(draw_layers(table, f"{encoder['name']}, frozen, logistic regression"), FIGURE)
        print(table.to_string(index=False))


if __name__ == "__main__":
    main()
