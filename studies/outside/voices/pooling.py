"""Pool the answers of models, unadapted and adapted, by weights that validation speakers choose."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ser.adaptation.draws import Condition
from ser.evaluation.adapted import fit_by_count
from studies.outside.voices.answers import Answers


class Pooled(NamedTuple):
    """Logits (condition, repeat, clip, emotions) of val and test, and the weights (member, …) by number of clips."""

    val: np.ndarray
    test: np.ndarray
    weights: dict[int, list[float]]


def pool_members(members: Sequence[dict[str, Answers]], labels: np.ndarray, conditions: Sequence[Condition]) -> Pooled:
    """Sum members' log-probabilities by one set of weights a number of clips, fitted on the clips of val.

    Each member counts twice, unadapted and adapted; without clips there is nothing to adapt to, so unadapted alone.

    Args:
        members: each one's answers by part, the same clips in the same order.
        labels: (clip,) of val, numbers of emotions.
    """
    stacked = {part: [_stack(members, part, index, one) for index, one in enumerate(conditions)] for part in members[0]}
    weights = fit_by_count(stacked["val"], labels, conditions)
    val, test = (
        np.stack(
            [
                np.tensordot(weights[condition.count], stack, axes=1)
                for stack, condition in zip(stacked[part], conditions, strict=True)
            ]
        )
        for part in ("val", "test")
    )
    return Pooled(val, test, weights)


def _stack(members: Sequence[dict[str, Answers]], part: str, index: int, condition: Condition) -> np.ndarray:
    """Return (member, repeat, clip, emotions) of one condition: all unadapted ones, then all adapted ones."""
    plain = [np.broadcast_to(member[part].plain, member[part].adapted[index].shape) for member in members]
    adapted = [member[part].adapted[index] for member in members] if condition.count else []
    return np.stack([*plain, *adapted]).astype(np.float64)
