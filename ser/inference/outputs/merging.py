"""Rows → longer parts with one label, as people read them."""

import dataclasses
import itertools
from collections.abc import Iterable

import numpy as np

from ser.inference.rows import Row


@dataclasses.dataclass(frozen=True)
class Part:
    """Neighbouring rows of one channel with one label; confidence: their mean, or None without speech."""

    begin_s: float
    end_s: float
    channel: int | None
    label: str
    confidence: float | None

    @property
    def text(self) -> str:
        """The label, and how sure it is in per cent."""
        return self.label if self.confidence is None else f"{self.label} {self.confidence:.0%}"


def merge(rows: Iterable[Row], min_confidence: float) -> list[Part]:
    """Join what follows without a gap and has the same label."""
    parts = []
    for (channel, label), group in itertools.groupby(rows, lambda row: (row.channel, row.label(min_confidence))):
        same = list(group)
        sure = [row.confidence for row in same if row.confidence is not None]
        confidence = float(np.average(sure, weights=[row.end_s - row.begin_s for row in same])) if sure else None
        parts.append(Part(same[0].begin_s, same[-1].end_s, channel, label, confidence))
    return parts


def by_channel(parts: Iterable[Part]) -> dict[int | None, list[Part]]:
    """Return each channel's parts."""
    return {channel: list(group) for channel, group in itertools.groupby(parts, lambda part: part.channel)}


def channel_name(channel: int | None) -> str:
    """Name a channel as people count: from 1."""
    return "emotion" if channel is None else f"channel {channel + 1}"
