"""A study's trials → figures: how the search went, and which settings mattered."""

import pandas as pd
from matplotlib.figure import Figure

from ser.evaluation.plotting import COLORS, WIDTH_IN, printed

BAR_IN = 0.28
# state → how its trials are drawn
MARKS = {
    "complete": {"marker": "o", "color": COLORS[0], "label": "all folds"},
    "pruned": {"marker": "x", "color": COLORS[1], "label": "stopped early: its folds alone"},
}


@printed
def draw_history(table: pd.DataFrame, title: str) -> Figure:
    """Draw each trial's gain on the values at the start, on the folds that it ran, and the best gain so far."""
    figure = Figure(figsize=(WIDTH_IN, 3.4), layout="constrained")
    axes = figure.subplots()
    for state, style in MARKS.items():
        rows = table[(table["state"] == state) & table["gain"].notna()]
        axes.scatter(rows["number"], rows["gain"], s=22, linewidths=1.2, zorder=3, **style)
    best = table["gain"].where(table["state"] == "complete").cummax().ffill()
    axes.step(table["number"], best, where="post", color=COLORS[0], linewidth=1.2, label="best so far")
    axes.axhline(0, color="0.4", linestyle="--", linewidth=1, label="values at the start")
    axes.set(title=title, xlabel="trial", ylabel="gain in UAR on validation speakers")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(True)
    figure.legend(loc="outside lower center", ncols=4)
    return figure


@printed
def draw_importances(importances: dict[str, float], title: str) -> Figure:
    """Draw the share of the variance of UAR that each setting explains, the largest on top."""
    figure = Figure(figsize=(WIDTH_IN * 0.8, 1.1 + BAR_IN * len(importances)), layout="constrained")
    axes = figure.subplots()
    names = sorted(importances, key=importances.__getitem__)
    bars = axes.barh(names, [importances[name] for name in names], color=COLORS[5], edgecolor="black", height=0.65)
    axes.bar_label(bars, fmt="%.2f", padding=3)
    axes.set(title=title, xlabel="importance (fANOVA: share of the variance of UAR)")
    axes.margins(x=0.1)
    axes.grid(True, axis="x")
    return figure
