"""All recordings → a table to read."""

from collections.abc import Iterable
from typing import TextIO

from ser.corpora.emotions import EMOTIONS
from ser.inference.outputs.about import About
from ser.inference.outputs.merging import merge
from ser.inference.rows import Heard, Problem, Row

PLACES = (10, 10, 8, 10, 6)  # characters of the columns before the emotions
HEADINGS = ("begin", "end", "channel", "label", "sure")


def write(found: Iterable[Heard | Problem], about: About, file: TextIO) -> None:
    """Write each recording's name, then its rows, neighbours with one label joined; probabilities in per cent."""
    headings = "".join(f"{name:>{width}}" for name, width in zip(HEADINGS, PLACES, strict=True))
    file.write(headings + "".join(f"  {emotion}" for emotion in EMOTIONS) + "\n")
    for one in found:
        if isinstance(one, Heard):
            file.write(f"{one.name}\n" + "".join(_lines(one.rows, about.min_confidence)))
            file.flush()


def _lines(rows: list[Row], min_confidence: float) -> Iterable[str]:
    for part in merge(rows, min_confidence):
        inside = [row for row in rows if row.channel == part.channel and part.begin_s <= row.begin_s < part.end_s]
        cells = (
            clock(part.begin_s),
            clock(part.end_s),
            "" if part.channel is None else str(part.channel + 1),
            part.label,
            "" if part.confidence is None else f"{part.confidence:.0%}",
        )
        yield "".join(f"{cell:>{width}}" for cell, width in zip(cells, PLACES, strict=True))
        for emotion in EMOTIONS if part.confidence is not None else ():
            mean = sum(row.probabilities[emotion] for row in inside if row.probabilities) / len(inside)
            yield f"  {mean * 100:>{len(emotion)}.0f}"
        yield "\n"


def clock(seconds: float) -> str:
    """Return 75.25 as 1:15.25 and 3675 as 1:01:15.00."""
    minutes, rest = divmod(round(seconds * 100), 6000)
    hours, minutes = divmod(minutes, 60)
    text = f"{minutes:02}:{rest / 100:05.2f}" if hours else f"{minutes}:{rest / 100:05.2f}"
    return f"{hours}:{text}" if hours else text
