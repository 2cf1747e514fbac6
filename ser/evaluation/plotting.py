"""Scores and histories → figures that print: Okabe-Ito colours, with a line style, marker or hatch beside each."""

import itertools
from pathlib import Path

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ser.corpora.emotions import EMOTIONS
from ser.storage.files import replacing

WIDTH_IN = 7.2  # the text width of a printed A4 page, so that font sizes are those on paper
DPI = 200
PRINT_STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so the same everywhere
    "font.size": 8.5,
    "axes.titlesize": 9.5,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "0.88",
    "legend.frameon": False,
    "legend.fontsize": 8,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "hatch.linewidth": 0.6,
}
LABELS = {
    "ravdess": "RAVDESS",
    "synthetic": "synthetic corpus",
    "speaker_independent": "speaker-independent",
    "cnn": "AudioCNN",
    "lstm": "AudioLSTM",
    "hybrid": "Hybrid",
    "extractor": "Hybrid's CNN-LSTM",
    "compact": "CompactNet",
}
# Okabe & Ito 2008, "Color universal design": told apart by colour-blind readers; ordered from dark to light for print
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
# Seven of each beside six colours: 42 lines or bars that differ
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1)), (0, (8, 2)), (0, (2, 2)), (0, (6, 1, 1, 1, 1, 1)))
SPLIT_DASHES = {"-": "validation", "--": "training"}
HATCHES = ("", "///", "...", "xxx", "\\\\\\", "---", "+++")

printed = matplotlib.style.context(["default", PRINT_STYLE])


@printed  # ticks take their style when they are drawn
def save_figure(figure: Figure, path: Path) -> None:
    """Write a PNG whose bytes depend on the figure alone (matplotlib's version is left out of the file)."""
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=DPI, metadata={"Software": None})


def label(name: str) -> str:
    """Return the printed name of a corpus, protocol, model or network."""
    return LABELS.get(name, name)


@printed
def draw_confusion(guesses: dict[str, pd.DataFrame], subtitle: str) -> Figure:
    """Draw confusion matrices side by side: colour is the share of the row, text the number of clips.

    guesses: model → rows (actual, predicted).
    """
    figure = Figure(figsize=(WIDTH_IN, 1.35 + (WIDTH_IN - 1.6) / len(guesses)), layout="compressed")
    figure.suptitle(f"Confusion matrices, {subtitle}")
    panels = np.atleast_1d(figure.subplots(1, len(guesses), sharey=True))
    for axes, (model, rows) in zip(panels, guesses.items(), strict=True):
        table = pd.crosstab(rows["actual"], rows["predicted"])
        counts = table.reindex(index=EMOTIONS, columns=EMOTIONS, fill_value=0).to_numpy()
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for (row, column), count in np.ndenumerate(counts):
            color = "white" if shares[row, column] > 0.5 else "0.2"
            if count:
                axes.text(column, row, str(count), ha="center", va="center", color=color, fontsize=8)
        axes.set(title=label(model), xlabel="predicted emotion", xticks=range(len(EMOTIONS)))
        axes.set_xticklabels(EMOTIONS, rotation=90)
        axes.spines[:].set_visible(True)
    panels[0].set(ylabel="actual emotion", yticks=range(len(EMOTIONS)), yticklabels=EMOTIONS)
    figure.colorbar(image, ax=panels, label="share of the row", shrink=0.78, pad=0.01)
    return figure


@printed
def draw_learning_curves(histories: dict[str, pd.DataFrame], subtitle: str) -> Figure:
    """Draw loss and accuracy over epochs; histories: network → columns as in plots/history.

    A training on mixed clips has no accuracy (`train_accuracy` is missing).
    """
    figure = Figure(figsize=(WIDTH_IN, 3.6), layout="constrained")
    figure.suptitle(f"Learning curves, {subtitle}")
    panels = figure.subplots(1, 2)
    mixed = [label(network) for network, history in histories.items() if "train_accuracy" not in history]
    titles = ("Loss", f"Accuracy ({', '.join(mixed)}: validation only)" if mixed else "Accuracy")
    for axes, quantity, title in zip(panels, ("loss", "accuracy"), titles, strict=True):
        styles = zip(itertools.cycle(COLORS), itertools.cycle(MARKERS), histories.items(), strict=False)
        for color, marker, (network, history) in styles:
            every = max(1, len(history) // 8)
            line = {"color": color, "marker": marker, "markersize": 4, "markevery": every, "linewidth": 1.3}
            epochs = history["epoch"]
            axes.plot(epochs, history[f"val_{quantity}"], "-", label=label(network), **line)
            if f"train_{quantity}" in history:
                axes.plot(epochs, history[f"train_{quantity}"], "--", markerfacecolor="white", **line)
        axes.set(title=title, xlabel="epoch", xlim=(0, None))
        axes.grid(True)
    panels[0].set(ylabel="class-weighted cross-entropy (nats)")
    panels[1].set(ylabel="accuracy", ylim=(0, 1))
    handles = panels[0].get_legend_handles_labels()[0]
    handles += [Line2D([], [], color="0.3", linestyle=dash, label=split) for dash, split in SPLIT_DASHES.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


@printed
def draw_accuracy(comparison: pd.DataFrame, subtitle: str) -> Figure:
    """Draw test accuracy as bars with 95 % intervals, and the design's figure as a marker where there is one."""
    figure = Figure(figsize=(WIDTH_IN * 0.75, 3.2), layout="constrained")
    axes = figure.subplots()
    accuracy = comparison["accuracy"].to_numpy()
    spread = [accuracy - comparison["accuracy_low"], comparison["accuracy_high"] - accuracy]
    bars = axes.bar(range(len(comparison)), accuracy, width=0.55, color=COLORS, edgecolor="black")
    for bar, hatch in zip(bars, itertools.cycle(HATCHES), strict=False):
        bar.set_hatch(hatch)
    interval = axes.errorbar(range(len(comparison)), accuracy, yerr=spread, fmt="none", ecolor="black", capsize=5)
    interval.set_label("95 % interval (Wilson)")
    if comparison["design_accuracy"].notna().any():
        style = {"marker": "D", "s": 40, "color": "white", "edgecolors": "black", "zorder": 3}
        axes.scatter(
            np.arange(len(comparison)) + 0.17, comparison["design_accuracy"], label="the design's figure", **style
        )
    for position, (value, high) in enumerate(zip(accuracy, comparison["accuracy_high"], strict=True)):
        axes.text(position, high + 0.015, f"{value:.3f}", ha="center", va="bottom")
    axes.set(title=f"Test accuracy\n{subtitle}", ylabel="accuracy", ylim=(0, 1), xlabel="model")
    axes.set_xticks(range(len(comparison)), [label(model) for model in comparison["model"]])
    axes.grid(True, axis="y")
    figure.legend(loc="outside lower center", ncols=2)
    return figure


@printed
def draw_macro_roc(curves: dict[str, pd.DataFrame], areas: dict[str, float | None], subtitle: str) -> Figure:
    """Draw the macro-average ROC curves of all models in one plot; curves: model → (fpr, tpr)."""
    figure = Figure(figsize=(WIDTH_IN * 0.65, WIDTH_IN * 0.65), layout="constrained")
    axes = figure.subplots()
    styles = zip(itertools.cycle(COLORS), itertools.cycle(DASHES), curves.items(), strict=False)
    for color, dashes, (model, curve) in styles:
        text = label(model) if areas[model] is None else f"{label(model)}, area {areas[model]:.3f}"
        axes.plot(curve["fpr"], curve["tpr"], color=color, linestyle=dashes, linewidth=1.5, label=text)
    _draw_chance(axes)
    axes.set(title=f"Macro-average one-vs-rest ROC\n{subtitle}")
    axes.set(xlabel="false positive rate", ylabel="true positive rate", aspect="equal")
    axes.legend(loc="lower right")
    return figure


def _draw_chance(axes: Axes) -> None:
    axes.plot([0, 1], [0, 1], color="0.5", linestyle=":", linewidth=1, label="chance")
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    axes.grid(True)
