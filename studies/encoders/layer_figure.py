"""The figure of the layers: their UAR alone, and that of all together."""

import pandas as pd
from matplotlib.figure import Figure

from ser.corpora.emotions import EMOTIONS
from ser.evaluation.plotting import COLORS, WIDTH_IN, printed


@printed
def draw_layers(table: pd.DataFrame, title: str, what: str) -> Figure:
    """Draw the mean over the folds as bars and each fold as a point; table: layer, uar, and a column a fold.

    what: the name of the axis of layers.
    """
    figure = Figure(figsize=(WIDTH_IN * 0.8, 3.2), layout="constrained")
    axes = figure.subplots()
    bars = axes.bar(table["layer"], table["uar"], color=COLORS[5], edgecolor="black", width=0.65)
    many = len(table) > 8
    axes.bar_label(bars, fmt="%.2f" if many else "%.3f", label_type="center", fontsize=7 if many else None)
    for index, fold in enumerate(name for name in table if name.startswith("fold_")):
        label = None if index else "one fold"
        axes.scatter(table["layer"], table[fold], s=14, color=COLORS[1], edgecolor="black", zorder=3, label=label)
    axes.axhline(1 / len(EMOTIONS), color="0.4", linestyle="--", linewidth=1, label="chance")
    axes.set(title=title, xlabel=what, ylabel="UAR, validation speakers")
    axes.set_ylim(0, 1)
    axes.grid(True, axis="y")
    figure.legend(loc="outside lower center", ncols=2)
    return figure
