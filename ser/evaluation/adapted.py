"""Settings of the protocol `speaker_adapted`, and what validation speakers decide: weights, and a model's adapter."""

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np

from ser.adaptation.adapter import Adapter, head_of, log_ratios
from ser.adaptation.draws import Condition
from ser.adaptation.protocol import Asked, answer_draws, choose_strengths
from ser.adaptation.speakers import Speakers, Strengths
from ser.evaluation.late_fusion import fit_weights
from ser.storage.params import check


@dataclasses.dataclass(frozen=True)
class DrawSettings:
    seed: int
    counts: tuple[int, ...]
    dominated: tuple[int, ...]
    repeats: int
    validation_repeats: int

    def __post_init__(self) -> None:
        check(0 <= self.seed < 2**31, "seed", self.seed, "0 to 2^31 - 1")
        for name in ("counts", "dominated"):
            counts = getattr(self, name)
            check(list(counts) == sorted({*counts}), name, counts, "numbers of clips in rising order")
        check(self.counts[:1] == (0,), "counts", self.counts, "0 first, which is without adaptation")
        check({*self.dominated} <= {*self.counts[1:]}, "dominated", self.dominated, "some of counts, not 0")
        check(self.repeats >= 1, "repeats", self.repeats, "1 or more")
        check(self.validation_repeats >= 1, "validation_repeats", self.validation_repeats, "1 or more")

    @property
    def conditions(self) -> list[Condition]:
        """All draws at random, then those in which one emotion dominates."""
        return [*map(Condition, self.counts), *(Condition(count, dominated=True) for count in self.dominated)]


@dataclasses.dataclass(frozen=True)
class StrengthSettings:
    """Values to choose from."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def __post_init__(self) -> None:
        for name, values in vars(self).items():
            check(bool(values) and min(values) >= 0, name, values, "one or more numbers, none below 0")

    @property
    def grid(self) -> list[Strengths]:
        return [Strengths(*values) for values in itertools.product(self.mean, self.deviation)]


def ask_logs(logs: np.ndarray, labels: np.ndarray, speakers: np.ndarray, known: Speakers) -> Asked:
    """Return clips that are adapted by their own log-probabilities (clip, emotions) alone.

    known: statistics of other speakers' log-ratios.
    """
    features, head = log_ratios(logs), head_of(known)
    return Asked(features, labels, speakers, logs, lambda rows, found: head.logs(features[:, rows], found))


def fit_adapter(
    logs: np.ndarray, labels: np.ndarray, speakers: np.ndarray, grid: Sequence[Strengths], draws: DrawSettings
) -> Adapter:
    """Fit how a model adapts by its log-probabilities (clip, emotions) of speakers that it did not learn from."""
    known = Speakers.fit(log_ratios(logs), speakers)
    asked, repeats = ask_logs(logs, labels, speakers, known), draws.validation_repeats
    strengths = choose_strengths(asked, known, grid, draws.conditions, repeats, draws.seed)
    adapted = answer_draws(asked, known, strengths, draws.conditions, repeats, draws.seed)
    stacks = [np.stack([np.broadcast_to(logs, found.shape), found]) for found in adapted]
    stacks = [
        stack if condition.count else stack[:1] for stack, condition in zip(stacks, draws.conditions, strict=True)
    ]
    weights = fit_by_count(stacks, labels, draws.conditions)
    rows = [[*values, 0.0][:2] for values in weights.values()]
    return Adapter(known, np.array([*weights]), tuple(strengths.values()), np.array(rows))


def fit_by_count(
    stacks: Sequence[np.ndarray], labels: np.ndarray, conditions: Sequence[Condition]
) -> dict[int, list[float]]:
    """Return weights of the members by number of clips, one set for all draws of a number.

    stacks: of each condition, log-probabilities (member, repeat, clip, emotions); labels: (clip,).
    """
    weights = {}
    for count in dict.fromkeys(condition.count for condition in conditions):
        logs = [stack for stack, condition in zip(stacks, conditions, strict=True) if condition.count == count]
        flat = np.concatenate([stack.reshape(len(stack), -1, stack.shape[-1]) for stack in logs], axis=1)
        repeated = np.tile(labels, flat.shape[1] // len(labels))
        weights[count] = fit_weights(flat.astype(np.float64), repeated).tolist()
    return weights
