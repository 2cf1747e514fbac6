"""Disturbances of training clips: each copy of a clip is changed by one kind, drawn at random within ranges."""

import dataclasses
from collections.abc import Callable

import numpy as np

from ser.features.conditions.kinds import Clipping, Condition, Level, Noise, Reverberation, Telephone
from ser.storage.params import check

DRAWN = ("level", "white", "pink", "babble", "telephone", "reverberation", "clipping")

Range = tuple[float, ...]  # lowest and highest


@dataclasses.dataclass(frozen=True)
class Disturbances:
    """The range of each number that is drawn; the names are those of `kinds`.

    Codecs, low-pass, silence and speed are not among them, so that a test on these shows what carries over.
    """

    level_db: Range
    snr_db: Range
    low_hz: Range
    high_hz: Range
    rt60_s: Range
    direct_db: Range
    peak: Range

    def __post_init__(self) -> None:
        for name, limits in dataclasses.asdict(self).items():
            fits = len(limits) == 2 and limits[0] <= limits[1]
            check(fits, name, list(limits), "two numbers, the lower one first")
        for end in (0, 1):  # the kinds check both ends of each range
            for kind in DRAWN:
                self._make(kind, lambda name, end=end: getattr(self, name)[end])
        self._make("telephone", lambda name: getattr(self, name)[name == "low_hz"])

    def draw(self, rng: np.random.Generator) -> Condition:
        """Draw a kind, each as likely as another, and its numbers evenly."""
        return self._make(DRAWN[int(rng.integers(len(DRAWN)))], lambda name: float(rng.uniform(*getattr(self, name))))

    def _make(self, kind: str, number: Callable[[str], float]) -> Condition:
        if kind == "level":
            return Level(number("level_db"))
        if kind == "telephone":
            return Telephone(number("low_hz"), number("high_hz"))
        if kind == "reverberation":
            return Reverberation(number("rt60_s"), number("direct_db"))
        if kind == "clipping":
            return Clipping(number("peak"))
        return Noise(kind, number("snr_db"))
