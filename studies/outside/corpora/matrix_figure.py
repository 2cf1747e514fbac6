"""The figure of all pairs of corpora: UAR of training × test, with chance, a panel a model and a protocol."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from ser.evaluation.plotting import WIDTH_IN, label, printed
from studies.outside.corpora.protocols import ADAPTED
from studies.outside.corpora.titles import title_of

OTHERS = "all others"
PANELS = {"": "as it is", f", {ADAPTED}": ADAPTED}
NAMES = {"whisper": "Whisper, logistic regression"}


@printed
def draw_matrix(scores: pd.DataFrame, studied: tuple[str, ...], models: list[str], caveats: list[str]) -> Figure:
    """Draw a row of panels a model; colour is how much of the way from chance to 1 the UAR has gone.

    scores: rows of protocol, model, train, test, uar, uar_low, uar_high and chance. Cells without a run stay white.
    """
    side = 0.62 * (len(studied) + 1)
    figure = Figure(figsize=(WIDTH_IN, len(models) * (side + 0.9) + 0.9), layout="constrained")
    panels = figure.subplots(len(models), len(PANELS), sharex=True, sharey=True, squeeze=False)
    for row, model in zip(panels, models, strict=True):
        for axes, (suffix, title) in zip(row, PANELS.items(), strict=True):
            image = _draw_panel(axes, scores[scores["model"] == model], studied, suffix)
            axes.set_title(f"{NAMES.get(model, label(model))}\n{title}")
        row[0].set_ylabel("trained on")
    for axes in panels[-1]:
        axes.set_xlabel("tested on")
    figure.colorbar(image, ax=panels, label="(UAR − chance) / (1 − chance)", shrink=0.6, pad=0.01)
    notes = [
        "UAR over the emotions that both corpora have, its 95 % interval over speakers, and chance (c).",
        "Diagonal: within the corpus, other speakers; not adapted.",
        *caveats,
    ]
    figure.supxlabel("\n".join(notes), fontsize=7.5, x=0.01, ha="left")
    return figure


def _draw_panel(axes: Axes, scores: pd.DataFrame, studied: tuple[str, ...], suffix: str) -> AxesImage:
    rows = [*studied, OTHERS]
    reached, texts = np.full((len(rows), len(studied)), np.nan), {}
    for run in scores.to_dict("records"):
        protocol = run["protocol"]
        if protocol not in (f"across{suffix}", f"left_out{suffix}", "within"):
            continue
        cell = (
            len(studied) if protocol.startswith("left_out") else studied.index(run["train"]),
            studied.index(run["test"]),
        )
        reached[cell] = (run["uar"] - run["chance"]) / (1 - run["chance"])
        texts[cell] = f"{run['uar']:.2f}\n[{run['uar_low']:.2f}, {run['uar_high']:.2f}]\nc {run['chance']:.3g}"
    image = axes.imshow(reached, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), text in texts.items():
        color = "white" if reached[row, column] > 0.5 else "0.15"
        axes.text(column, row, text, ha="center", va="center", color=color, fontsize=7)
    titles = [title_of(name) for name in studied]
    axes.set_xticks(range(len(studied)), titles)
    axes.set_yticks(range(len(rows)), [*titles, OTHERS])
    axes.axhline(len(studied) - 0.5, color="0.3", linewidth=1)
    axes.spines[:].set_visible(True)
    return image
