"""The protocol `speaker_adapted`: a model's answers after it has heard some unlabelled clips of each speaker."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from ser.adaptation.draws import Condition, draw_clips, generators
from ser.adaptation.speakers import Normaliser, Speakers, Strengths
from ser.adaptation.voice import Voice

Logs = Callable[[np.ndarray, Normaliser], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Asked:
    """Clips of some speakers, and a model that can be adapted to them.

    features: (copies, clip, dim); labels: (clip,), used to draw the clips and to score, never to adapt; speakers:
    (clip,), numbers; plain: (clip, emotions), log-probabilities without adaptation; logs: those of some clips, given as
    rows, under a normaliser.
    """

    features: np.ndarray
    labels: np.ndarray
    speakers: np.ndarray
    plain: np.ndarray
    logs: Logs


def answer_draws(
    asked: Asked, known: Speakers, strengths: Strengths, conditions: Sequence[Condition], repeats: int, seed: int
) -> np.ndarray:
    """Return log-probabilities (condition, repeat, clip, emotions) float32: every clip of a speaker after every draw.

    The drawn clips are among those that are answered, as when a folder of recordings is heard as a whole.
    """
    answers = np.empty((len(conditions), repeats, *asked.plain.shape), dtype=np.float32)
    for speaker in np.unique(asked.speakers):
        rows = np.flatnonzero(asked.speakers == speaker)
        for index, condition in enumerate(conditions):
            same = condition.count == 0 or condition.count >= len(rows)
            for repeat, generator in enumerate(generators(seed, int(speaker), 1 if same else repeats)):
                drawn = rows[draw_clips(asked.labels[rows], condition, generator)]
                voice = Voice.of(asked.features[:, drawn])
                logs = asked.logs(rows, known.normaliser(voice, strengths))
                answers[index][slice(None) if same else slice(repeat, repeat + 1), rows] = logs
    return answers


def choose_strengths(
    asked: Asked,
    known: Speakers,
    grid: Iterable[Strengths],
    conditions: Sequence[Condition],
    repeats: int,
    seed: int,
) -> Strengths:
    """Return the strengths under which the labels of validation speakers are most likely, over all draws."""

    def loss(strengths: Strengths) -> float:
        logs = answer_draws(asked, known, strengths, conditions, repeats, seed)
        return -float(logs[..., np.arange(len(asked.labels)), asked.labels].mean())

    return min(grid, key=loss)
