"""Estimate a speaker's statistics and the emotions of their unlabelled clips by turns."""

import dataclasses
from collections.abc import Callable

import numpy as np

from ser.adaptation.speakers import Normaliser, Speakers, Strengths
from ser.adaptation.voice import Voice

ROUNDS = 3  # each changes the shares less


def settle(
    voice: Voice,
    features: np.ndarray,
    probabilities: np.ndarray,
    speakers: Speakers,
    strengths: Strengths,
    answer: Callable[[Normaliser], np.ndarray],
    clips: np.ndarray | None = None,
) -> Voice:
    """Add clips to a voice; their probabilities are re-estimated as the voice becomes known (expectation-maximisation).

    Args:
        features: (copies, clip, dim); probabilities: (clip, emotions), before adaptation.
        answer: log-probabilities (clip, emotions) of these clips under a normaliser.
        clips: (clip,), as how many each counts; 1 if left out.
    """
    added = Voice.of(features, probabilities, clips)
    counts = np.ones(len(probabilities)) if clips is None else clips
    for _ in range(0 if np.isinf(strengths.shares) else ROUNDS):
        logs = answer(speakers.normaliser(voice.joined(added), strengths))
        added = dataclasses.replace(added, shares=counts @ np.exp(logs))
    return voice.joined(added)
