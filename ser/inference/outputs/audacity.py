"""One recording → a label track of Audacity (https://manual.audacityteam.org/man/importing_and_exporting_labels.html)."""

from typing import TextIO

from ser.inference.outputs.about import About
from ser.inference.outputs.merging import channel_name, merge
from ser.inference.rows import Heard


def write(heard: Heard, about: About, file: TextIO) -> None:
    """Write begin, end and label of each part, in the order of time; channels stand in the label."""
    for part in sorted(merge(heard.rows, about.min_confidence), key=lambda part: part.begin_s):
        name = "" if part.channel is None else f"{channel_name(part.channel)}: "
        file.write(f"{part.begin_s:.6f}\t{part.end_s:.6f}\t{name}{part.text}\n")
