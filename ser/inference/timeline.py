"""A recording with its rows → a picture: waveform, probabilities over time, and what each part is called."""

from pathlib import Path

import numpy as np

from ser.corpora.emotions import EMOTIONS
from ser.inference.metering import BIN_S
from ser.inference.outputs.about import About
from ser.inference.outputs.merging import Part, by_channel, channel_name, merge
from ser.inference.rows import NO_SPEECH, UNCERTAIN, Heard, Row
from ser.inference.writing import replacing

SUFFIXES = (".png", ".svg")
# Okabe and Ito's colours, which the colour-blind can tell apart, and two greys
COLOURS = dict(
    zip(
        EMOTIONS,
        ("#999933", "#56b4e9", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#009e73", "#e69f00"),
        strict=True,
    )
) | {UNCERTAIN: "#bbbbbb", NO_SPEECH: "#f2f2f2"}

DARK = {"sad", "angry", "disgust"}  # whose names are written in white
LEAST = {"color": "0.5", "linestyle": ":", "linewidth": 1}
INCH_S, NARROWEST, WIDEST = 25.0, 12.0, 60.0  # seconds of an inch; inches of a picture
IN_SECONDS = 120.0  # a longer recording has minutes on its axis


def draw(heard: Heard, about: About, path: Path) -> None:
    """Write a picture, PNG or SVG by the suffix."""
    from matplotlib.figure import Figure  # takes half a second, and few runs draw
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch
    from matplotlib.ticker import MaxNLocator

    channels: dict[int | None, list[Row]] = {}
    for row in heard.rows:
        channels.setdefault(row.channel, []).append(row)
    count = len(channels)
    width = min(max(heard.duration_s / INCH_S, NARROWEST), WIDEST)
    figure = Figure(figsize=(width, 2.2 + 2.6 * count), layout="constrained")
    axes = figure.subplots(1 + 2 * count, sharex=True, height_ratios=[1.2, *([2, 0.5] * count)])
    _draw_waveform(axes[0], heard)
    parts = by_channel(merge(heard.rows, about.min_confidence))
    for place, (channel, rows) in enumerate(channels.items()):
        name = "" if channel is None else f"{channel_name(channel)}: "
        _draw_probabilities(axes[1 + 2 * place], rows, about.min_confidence, f"{name}probability")
        _draw_parts(axes[2 + 2 * place], parts[channel])
    axes[-1].set_xlabel("time (min:s)" if heard.duration_s > IN_SECONDS else "time (s)")
    if heard.duration_s > IN_SECONDS:
        axes[-1].xaxis.set_major_locator(MaxNLocator(int(width), steps=[1, 2, 3, 6, 10]))
        axes[-1].xaxis.set_major_formatter(lambda time_s, _: f"{time_s // 60:.0f}:{time_s % 60:02.0f}")
    axes[0].set_xlim(0, heard.duration_s)
    axes[0].set_title(f"{Path(heard.name).name}, heard by {about.model}", loc="left")
    handles = [Patch(facecolor=colour, edgecolor="0.7", label=label) for label, colour in COLOURS.items()]
    handles.append(Line2D([], [], **LEAST, label="least confidence"))
    figure.legend(handles=handles, loc="outside right upper", frameon=False)
    with replacing(path) as temporary:
        figure.savefig(temporary, format=path.suffix.lower()[1:], dpi=120, metadata=_without_date(path))


def _draw_waveform(axes, heard: Heard) -> None:
    envelope = heard.envelope if heard.envelope is not None else np.zeros((0, 2))
    time_s = np.arange(len(envelope)) * BIN_S
    axes.fill_between(time_s, envelope[:, 0], envelope[:, 1], step="post", color="0.35", linewidth=0)
    axes.set_ylabel("amplitude")


def _draw_probabilities(axes, rows: list[Row], min_confidence: float, label: str) -> None:
    edges = [row.begin_s for row in rows] + [rows[-1].end_s]
    values = np.array([list((row.probabilities or dict.fromkeys(EMOTIONS, np.nan)).values()) for row in rows])
    for emotion, probability in zip(EMOTIONS, values.T, strict=True):
        axes.stairs(probability, edges, baseline=None, color=COLOURS[emotion], linewidth=1.8)
    axes.axhline(min_confidence, **LEAST)
    axes.set_ylim(0, 1.02)
    axes.set_ylabel(label)


def _draw_parts(axes, parts: list[Part]) -> None:
    room_s = parts[-1].end_s / axes.figure.get_figwidth()  # of a word: an inch
    for part in parts:
        colour = COLOURS[part.label]
        axes.axvspan(part.begin_s, part.end_s, color=colour, linewidth=0)
        if part.end_s - part.begin_s > 0.75 * room_s and part.label != NO_SPEECH:
            middle_s, ink = (part.begin_s + part.end_s) / 2, "white" if part.label in DARK else "black"
            axes.text(middle_s, 0.5, part.label, ha="center", va="center", fontsize=8, color=ink, clip_on=True)
    axes.set_yticks([])
    axes.set_ylabel("heard", rotation=0, ha="right", va="center")


def _without_date(path: Path) -> dict[str, None]:
    return {"Date": None} if path.suffix.lower() == ".svg" else {}
