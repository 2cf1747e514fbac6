"""The answers of one model on one fold: without adaptation, and after every draw of unlabelled clips."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from ser.adaptation.protocol import Asked, answer_draws, choose_strengths
from ser.adaptation.speakers import Speakers, Strengths
from ser.evaluation.adapted import DrawSettings
from ser.storage.tensors import load_tensors, save_tensors

ANSWERS = Path("studies/outside/voices/answers")
PARTS = {"val": ["train"], "test": ["train", "val"]}  # whose clips are answered by a model that learned from which

Ask = Callable[[np.ndarray, np.ndarray], tuple[Asked, Speakers]]


@dataclasses.dataclass(frozen=True)
class Answers:
    """Log-probabilities of some clips: plain (clip, emotions), adapted (condition, repeat, clip, emotions)."""

    clips: list[str]
    plain: np.ndarray
    adapted: np.ndarray


def answer_parts(
    clips: pd.DataFrame, ask: Ask, grid: Sequence[Strengths], draws: DrawSettings
) -> tuple[dict[str, Answers], dict[int, Strengths]]:
    """Answer the clips of val and test, and return the strengths by number of clips, chosen on val.

    ask: from the rows of clips to learn from, and of those to answer. The labels of val and test clips are read to
    draw clips and, of val alone, to choose; a model never gets them.
    """
    answers, strengths = {}, None
    for part, known in PARTS.items():
        rows = np.flatnonzero(clips["split"] == part)
        asked, speakers = ask(np.flatnonzero(clips["split"].isin(known)), rows)
        if strengths is None:
            strengths = choose_strengths(asked, speakers, grid, draws.conditions, draws.validation_repeats, draws.seed)
        repeats = draws.repeats if part == "test" else draws.validation_repeats
        adapted = answer_draws(asked, speakers, strengths, draws.conditions, repeats, draws.seed)
        answers[part] = Answers(clips["clip"].iloc[rows].tolist(), asked.plain, adapted)
    return answers, strengths


def write_answers(answers: dict[str, Answers], strengths: dict[int, Strengths], model: str, fold: int) -> None:
    """Write answers/<model>/<fold>.pt."""
    content = {"strengths": {count: dataclasses.asdict(chosen) for count, chosen in strengths.items()}}
    for part, found in answers.items():
        content[part] = {
            "clips": found.clips,
            "plain": torch.from_numpy(found.plain),
            "adapted": torch.from_numpy(found.adapted),
        }
    save_tensors(content, _path(model, fold))


def read_answers(model: str, fold: int) -> tuple[dict[str, Answers], dict[int, Strengths]]:
    """Read them again."""
    content = load_tensors(_path(model, fold), ("strengths", *PARTS))
    parts = {part: content[part] for part in PARTS}
    answers = {
        part: Answers(found["clips"], found["plain"].numpy(), found["adapted"].numpy()) for part, found in parts.items()
    }
    return answers, {count: Strengths(**chosen) for count, chosen in content["strengths"].items()}


def _path(model: str, fold: int) -> Path:
    return ANSWERS / model / f"{fold}.pt"
