"""One recording → subtitles in WebVTT (https://www.w3.org/TR/webvtt1/)."""

from typing import TextIO

from ser.inference.outputs.about import About
from ser.inference.outputs.merging import channel_name, merge
from ser.inference.rows import Heard


def write(heard: Heard, about: About, file: TextIO) -> None:
    """Write a cue for each part with speech; a channel is a voice."""
    file.write("WEBVTT\n")
    parts = [part for part in merge(heard.rows, about.min_confidence) if part.confidence is not None]
    for part in sorted(parts, key=lambda part: part.begin_s):
        text = part.text if part.channel is None else f"<v {channel_name(part.channel)}>{part.text}"
        file.write(f"\n{_stamp(part.begin_s)} --> {_stamp(part.end_s)}\n{text}\n")


def _stamp(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"
