"""The figure of all models: UAR with its interval, a mark a protocol."""

from typing import Any

from matplotlib.figure import Figure

from ser.corpora.emotions import EMOTIONS
from ser.evaluation.plotting import COLORS, MARKERS, WIDTH_IN, printed

APART = 0.17  # of a model's row, between the marks of two protocols


@printed
def draw_models(metrics: dict[str, Any], protocols: dict[str, str], labels: dict[str, str]) -> Figure:
    """Draw a row a model, the best on the first protocol at the top; models that it lacks come last.

    metrics: protocol → model → scores; protocols and labels: what they are called.
    """
    first = metrics[next(iter(protocols))]
    ranked = sorted(labels, key=lambda model: first[model]["uar"]["mean"] if model in first else -1.0)
    figure = Figure(figsize=(WIDTH_IN, 1.3 + 0.42 * len(ranked)), layout="constrained")
    axes = figure.subplots()
    for index, (protocol, title) in enumerate(protocols.items()):
        shown = [
            (row, metrics[protocol][model]["uar"]) for row, model in enumerate(ranked) if model in metrics[protocol]
        ]
        if not shown:
            continue
        rows = [row + APART * ((len(protocols) - 1) / 2 - index) for row, _ in shown]
        means = [score["mean"] for _, score in shown]
        reach = [
            [score["mean"] - score["low"] for _, score in shown],
            [score["high"] - score["mean"] for _, score in shown],
        ]
        axes.errorbar(
            means, rows, xerr=reach, fmt=MARKERS[index], color=COLORS[index], markersize=4.5, capsize=2, label=title
        )
    axes.axvline(1 / len(EMOTIONS), color="0.4", linestyle="--", linewidth=1, label="chance")
    axes.set_yticks(range(len(ranked)), [labels[model] for model in ranked])
    axes.set(xlabel="UAR, with 95 % interval over speakers", xlim=(0, 1), ylim=(-0.5, len(ranked) - 0.5))
    axes.grid(True, axis="x")
    figure.legend(loc="outside lower center", ncols=2)
    return figure
