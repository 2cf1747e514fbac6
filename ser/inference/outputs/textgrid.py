"""One recording → a TextGrid of Praat (https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html)."""

from typing import TextIO

from ser.inference.outputs.about import About
from ser.inference.outputs.merging import Part, by_channel, channel_name, merge
from ser.inference.rows import Heard


def write(heard: Heard, about: About, file: TextIO) -> None:
    """Write a tier a channel, without gaps; pauses are intervals without text."""
    tiers = by_channel(merge(heard.rows, about.min_confidence))
    end_s = max(part.end_s for parts in tiers.values() for part in parts)
    file.write('File type = "ooTextFile"\nObject class = "TextGrid"\n\n')
    file.write(f"xmin = 0\nxmax = {end_s:.6f}\ntiers? <exists>\nsize = {len(tiers)}\nitem []:\n")
    for number, (channel, parts) in enumerate(tiers.items(), start=1):
        file.write(f'    item [{number}]:\n        class = "IntervalTier"\n        name = "{channel_name(channel)}"\n')
        file.write(f"        xmin = 0\n        xmax = {end_s:.6f}\n        intervals: size = {len(parts)}\n")
        for place, part in enumerate(parts, start=1):
            file.write(_interval(place, part))


def _interval(place: int, part: Part) -> str:
    text = "" if part.confidence is None else part.text
    return (
        f"        intervals [{place}]:\n            xmin = {part.begin_s:.6f}\n"
        f'            xmax = {part.end_s:.6f}\n            text = "{text}"\n'
    )
