"""The protocol `speaker_adapted`: a model's answers after it has heard some unlabelled clips of each speaker."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

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
    asked: Asked,
    known: Speakers,
    strengths: Mapping[int, Strengths],
    conditions: Sequence[Condition],
    repeats: int,
    seed: int,
) -> np.ndarray:
    """Return log-probabilities (condition, repeat, clip, emotions) float32: every clip of a speaker after every draw.

    strengths: by number of clips.
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
                logs = asked.logs(rows, known.normaliser(voice, strengths[condition.count]))
                answers[index][slice(None) if same else slice(repeat, repeat + 1), rows] = logs
    return answers


def choose_strengths(
    asked: Asked,
    known: Speakers,
    grid: Sequence[Strengths],
    conditions: Sequence[Condition],
    repeats: int,
    seed: int,
) -> dict[int, Strengths]:
    """Return, by number of clips, the strengths under which the labels of validation speakers are most likely.

    By number, for the heads are trained on speakers whose statistics are known: many clips want less of the prior than
    a few do.
    """
    counts = list(dict.fromkeys(condition.count for condition in conditions))
    losses = np.zeros((len(counts), len(grid)))
    for index, strengths in enumerate(grid):
        logs = answer_draws(asked, known, dict.fromkeys(counts, strengths), conditions, repeats, seed)
        likely = logs[..., np.arange(len(asked.labels)), asked.labels].mean(axis=(1, 2))
        for condition, value in zip(conditions, likely, strict=True):
            losses[counts.index(condition.count), index] -= value
    return {count: grid[index] for count, index in zip(counts, losses.argmin(axis=1), strict=True)}
