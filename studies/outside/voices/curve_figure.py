"""The figure of the curves: UAR by number of unlabelled clips of a speaker."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ser.evaluation.plotting import COLORS, MARKERS, WIDTH_IN, printed

# Those that are drawn; curve.csv has all
NAMES = {
    "everything": "all fused",
    "fused": "Whisper (logistic regression) and CompactNet, fused",
    "whisper": "Whisper, logistic regression",
    "scratch": "CompactNet's seeds and eGeMAPS, fused: not pretrained",
    "compact_seeds": "CompactNet, five seeds averaged",
    "compact": "CompactNet",
}


@printed
def draw_curves(table: pd.DataFrame) -> Figure:
    """Draw a line for each model of NAMES, and hollow marks of the draws in which one emotion dominates.

    table: model, draw, clips, uar, low and high.
    """
    figure = Figure(figsize=(WIDTH_IN, 4.2), layout="constrained")
    axes = figure.subplots()
    counts = sorted(table["clips"].unique())
    place = {count: index for index, count in enumerate(counts)}
    for (model, name), color, marker in zip(NAMES.items(), COLORS, MARKERS, strict=False):
        rows = table[table["model"] == model]
        line = {"color": color, "marker": marker, "markersize": 4.5}
        drawn = rows[rows["draw"] == "random"]
        at = drawn["clips"].map(place)
        axes.plot(at, drawn["uar"], label=name, linewidth=1.3, **line)
        axes.fill_between(at, drawn["low"], drawn["high"], color=color, alpha=0.08, linewidth=0)
        dominated = rows[rows["draw"] == "dominated"]
        axes.plot(dominated["clips"].map(place), dominated["uar"], ":", markerfacecolor="white", linewidth=1, **line)
    axes.set_xticks(range(len(counts)), [str(count) for count in counts])
    axes.set(xlabel="unlabelled clips of the speaker", ylabel="UAR, with 95 % interval over speakers", ylim=(0.5, 0.95))
    axes.grid(True)
    handles = axes.get_legend_handles_labels()[0]
    dominated = {"marker": "o", "markerfacecolor": "white", "linestyle": ":", "color": "0.3"}
    handles.append(Line2D([], [], label="the same, ¾ of the clips of one emotion", **dominated))
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure
