"""The figure of the encoders: their UAR against the time that a clip takes."""

import itertools

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from ser.corpora.emotions import EMOTIONS
from ser.evaluation.plotting import COLORS, MARKERS, WIDTH_IN, printed


@printed
def draw_cost(table: pd.DataFrame) -> Figure:
    """Draw a marker an encoder with its interval over speakers, and its name and parameters in the legend.

    table: encoder, parameters, uar, low, high, ms_per_clip.
    """
    figure = Figure(figsize=(WIDTH_IN * 0.7, 3.4), layout="constrained")
    axes = figure.subplots()
    styles = zip(itertools.cycle(COLORS), itertools.cycle(MARKERS), table.itertuples(), strict=False)
    for color, marker, row in styles:
        name = f"{row.encoder}, {row.parameters / 1e6:.1f} M parameters"
        spread = [[row.uar - row.low], [row.high - row.uar]]
        axes.errorbar(row.ms_per_clip, row.uar, spread, fmt=marker, color=color, capsize=4, label=name)
    axes.axhline(1 / len(EMOTIONS), color="0.4", linestyle="--", linewidth=1, label="chance")
    axes.set(title="Frozen encoders, logistic regression, speakers never heard", xscale="log", ylim=(0, 1))
    axes.set(xlabel="processor time a clip (ms, one thread)", ylabel="UAR, 95 % interval over speakers")
    if len(table):
        axes.set_xlim(table["ms_per_clip"].min() / 4, table["ms_per_clip"].max() * 4)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(True)
    figure.legend(loc="outside lower center", ncols=2)
    return figure
