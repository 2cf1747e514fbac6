"""Where the test scores of a rerun should fall: committed seeds and scores → bands."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from scipy.stats import t

SCORES = ("accuracy", "uar")
LEVEL = 0.95
ROUNDING = 1e-4  # metrics/seeds.json has four digits


class Band(NamedTuple):
    """The interval that a score is expected in, and what it was derived from."""

    low: float
    high: float
    source: str

    @classmethod
    def around(cls, score: float, half: float, source: str) -> "Band":
        """Return score ± half, as far as scores go: 0 to 1."""
        return cls(max(score - half, 0.0), min(score + half, 1.0), source)

    def holds(self, score: float | None) -> bool:
        """Tell whether a score lies in the band; one that is missing does not."""
        return score is not None and self.low - ROUNDING <= score <= self.high + ROUNDING


def expected_band(model: str, score: str, test: Mapping[str, float], seeds: Mapping[str, Any] | None) -> Band:
    """Return the band over seeds, or where they lack the model the width of Wilson's interval around the score.

    test: the committed scores of the model; seeds: metrics/seeds.json of the same corpus and protocol, if there is one.
    Training that differs in its last bits drifts apart like training from another seed, which also splits anew.
    """
    if seeds and score in seeds["models"].get(model, {}):
        spread = seeds["models"][model][score]
        return seeds_band(spread["mean"], spread["sd"], len(spread["values"]))
    half = (test["accuracy_high"] - test["accuracy_low"]) / 2
    return Band.around(test[score], half, f"{test['clips']:.0f} clips")


def seeds_band(mean: float, sd: float, seeds: int) -> Band:
    """Return the prediction interval of one further seed, mean ± t · sd · √(1 + 1/n), t of n - 1 degrees of freedom."""
    half = float(t.ppf((1 + LEVEL) / 2, seeds - 1)) * sd * math.sqrt(1 + 1 / seeds)
    return Band.around(mean, half, f"{seeds} seeds")
