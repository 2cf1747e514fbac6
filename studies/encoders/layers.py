"""Score each layer alone on validation speakers of Luna's folds: embeddings/<encoder> → tables/layers/, plots/."""

import argparse
import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd

from ser.corpora.emotions import EMOTIONS
from ser.corpora.protocols import SPEAKER_FOLDS
from ser.data.embeddings import EmbeddedClips
from ser.encoders.widths import WIDTHS
from ser.evaluation.plotting import save_figure
from ser.evaluation.recall import count_clips, uar
from ser.models.logistic import LogisticHead, LogisticSettings
from ser.storage.errors import reporting
from ser.storage.files import write_table
from ser.storage.params import build, read_params, read_value
from studies.encoders.layer_figure import draw_layers
from studies.run import Run

PARAMS = Path("studies/encoders/params.yaml")
EMBEDDINGS = Path("studies/encoders/embeddings")
TABLES = Path("studies/encoders/tables/layers")
FIGURES = Path("studies/encoders/plots/layers")
DIGITS = 4


def score_layers(clips: EmbeddedClips, settings: LogisticSettings, widths: tuple[int, ...] = ()) -> list[float]:
    """Return the UAR on the clips of the split val, of each layer alone and then of all together.

    widths: of layers that lie side by side in one, if they do. Trained on the split train; the split test is not looked
    at.
    """
    embeddings, scores = clips.embeddings, []
    layers = [embeddings[:, :, [layer]] for layer in range(embeddings.shape[2])]
    if widths:
        layers = np.split(embeddings, np.cumsum(widths)[:-1], axis=-1)
    for chosen in (*layers, embeddings):
        heard = dataclasses.replace(clips, embeddings=chosen)
        head, val = LogisticHead.train(*heard.part("train").stacked(), settings), heard.part("val")
        predicted = val.predict(head.logits).argmax(dim=1).numpy()
        scores.append(float(uar(count_clips(val.labels, predicted, len(EMOTIONS)))))
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("encoder", help=f"a folder in {EMBEDDINGS}")
    encoder = parser.parse_args().encoder
    with reporting("layers"):
        values, speeds = read_params(PARAMS, "train_logistic", "speeds")
        source = read_value(PARAMS, f"sources.{encoder}.name", str)
        settings = build(LogisticSettings, values, "train_logistic", str(PARAMS))
        paths = [EMBEDDINGS / encoder / f"{copy}.pt" for copy in speeds]
        columns, widths = {}, WIDTHS.get(source, ())
        for fold in range(1, len(SPEAKER_FOLDS["luna"]) + 1):
            clips = EmbeddedClips.read(paths, Run("luna", fold, 1).clips())
            columns[f"fold_{fold}"] = score_layers(clips, settings, widths)
        table = pd.DataFrame(columns)
        first = 1 if widths else 0
        table.insert(0, "layer", [*map(str, range(first, first + len(table) - 1)), "all"])
        table.insert(1, "uar", table.iloc[:, 1:].mean(axis=1))
        write_table(table, TABLES / f"{encoder}.csv", DIGITS)
        title = f"{source}, frozen, logistic regression"
        what = "layer" if widths else "layer (0: what the first transformer layer reads)"
        save_figure(draw_layers(table, title, what), FIGURES / f"{encoder}.png")
        print(table.to_string(index=False))


if __name__ == "__main__":
    main()
