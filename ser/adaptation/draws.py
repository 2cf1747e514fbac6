"""Draws of a speaker's unlabelled clips, the same for every model: at random, or with one emotion in the majority."""

import dataclasses
from collections.abc import Iterator

import numpy as np

SHARE = 0.75  # of the emotion that dominates, rounded up


@dataclasses.dataclass(frozen=True)
class Condition:
    """How many clips are drawn, and whether one emotion dominates among them."""

    count: int
    dominated: bool = False


def draw_clips(labels: np.ndarray, condition: Condition, generator: np.random.Generator) -> np.ndarray:
    """Return which of a speaker's clips (clip,) are drawn, none twice; all of them where there are not more.

    Draws from generators of the same state hold one another where the condition differs in the count alone. ValueError
    where no emotion has enough clips to dominate.
    """
    order = generator.permutation(len(labels))
    if not condition.dominated:
        return order[: condition.count]
    needed = int(np.ceil(SHARE * condition.count))
    emotions, counts = np.unique(labels, return_counts=True)
    if not (counts >= needed).any():
        raise ValueError(f"{needed} clips of one emotion are to be drawn, but there are at most {counts.max()} of one")
    emotion = generator.choice(emotions[counts >= needed])
    chosen = order[labels[order] == emotion][:needed]
    others = order[labels[order] != emotion][: condition.count - needed]
    return np.concatenate([chosen, others])


def generators(seed: int, speaker: int, repeats: int) -> Iterator[np.random.Generator]:
    """Yield a generator for each draw of a speaker's clips."""
    return (np.random.default_rng([seed, speaker, repeat]) for repeat in range(repeats))
