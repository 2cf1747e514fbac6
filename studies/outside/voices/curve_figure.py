"""The figure of the curves: UAR by number of unlabelled clips of a speaker."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ser.corpora.emotions import EMOTIONS
from ser.evaluation.plotting import COLORS, MARKERS, WIDTH_IN, printed

NAMES = {
    "whisper": "Whisper, logistic regression",
    "compact": "CompactNet",
    "fused": "Whisper (logistic regression) and CompactNet, fused",
    "attentive": "Whisper, attentive pooling",
    "compact_seeds": "CompactNet, five seeds averaged",
    "everything": "all fused",
    "compare": "ComParE, logistic regression",
    "egemaps": "eGeMAPS, logistic regression",
    "scratch": "not pretrained, fused",
}


@printed
def draw_curves(table: pd.DataFrame) -> Figure:
    """Draw a line a model through the random draws, and hollow marks of the draws in which one emotion dominates.

    table: model, draw, clips, uar, low and high.
    """
    figure = Figure(figsize=(WIDTH_IN, 4.2), layout="constrained")
    axes = figure.subplots()
    counts = sorted(table["clips"].unique())
    place = {count: index for index, count in enumerate(counts)}
    for (model, rows), color, marker in zip(table.groupby("model", sort=False), COLORS, MARKERS, strict=False):
        line = {"color": color, "marker": marker, "markersize": 4.5}
        drawn = rows[rows["draw"] == "random"]
        at = drawn["clips"].map(place)
        axes.plot(at, drawn["uar"], label=NAMES.get(model, model), linewidth=1.3, **line)
        axes.fill_between(at, drawn["low"], drawn["high"], color=color, alpha=0.08, linewidth=0)
        dominated = rows[rows["draw"] == "dominated"]
        axes.plot(dominated["clips"].map(place), dominated["uar"], ":", markerfacecolor="white", linewidth=1, **line)
    axes.axhline(1 / len(EMOTIONS), color="0.4", linestyle="--", linewidth=1, label="chance")
    axes.set_xticks(range(len(counts)), [str(count) for count in counts])
    axes.set(xlabel="unlabelled clips of the speaker", ylabel="UAR, with 95 % interval over speakers", ylim=(0, 1))
    axes.grid(True)
    handles = axes.get_legend_handles_labels()[0]
    dominated = {"marker": "o", "markerfacecolor": "white", "linestyle": ":", "color": "0.3"}
    handles.append(Line2D([], [], label="the same, ¾ of the clips of one emotion", **dominated))
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure
