"""Rows and recordings as the values that JSON and CSV are made of; described in timeline.schema.json."""

from typing import Any

from ser.inference.outputs.about import About
from ser.inference.rows import Heard, Row


def row_record(row: Row, min_confidence: float) -> dict[str, Any]:
    """Return a row; channels are counted from 1, and null is the mean of all."""
    return {
        "channel": None if row.channel is None else row.channel + 1,
        "begin_s": round(row.begin_s, 3),
        "end_s": round(row.end_s, 3),
        "label": row.label(min_confidence),
        "emotion": row.emotion,
        "confidence": None if row.confidence is None else round(row.confidence, 6),
        "probabilities": row.probabilities,
    }


def recording_record(heard: Heard, about: About) -> dict[str, Any]:
    """Return a recording with its rows."""
    return {
        "recording": heard.name,
        "duration_s": round(heard.duration_s, 3),
        "sample_rate_hz": heard.sample_rate_hz,
        "channels": heard.channels,
        "rows": [row_record(row, about.min_confidence) for row in heard.rows],
    }
