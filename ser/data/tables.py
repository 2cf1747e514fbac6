"""Match tables of clips with files of features: rows, labels as numbers, class weights."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd
import torch

from ser.corpora.emotions import EMOTION_INDEX


def join_splits(clips: pd.DataFrame, splits: pd.DataFrame) -> pd.DataFrame:
    """Add each clip's split to the clip table; ValueError names clips that only one of the two tables has."""
    unmatched = sorted(set(clips["clip"]) ^ set(splits["clip"]), key=str)
    if unmatched:
        raise ValueError(f"clips and splits differ in {len(unmatched)} clips, first {unmatched[:5]}: run `dvc repro`")
    return clips.merge(splits, on="clip", validate="one_to_one")


def rows_of(clips: Iterable[str], names: Sequence[str], path: Path) -> list[int]:
    """Return the row of each clip in a file's list of names; ValueError lists the missing clips."""
    rows = {clip: row for row, clip in enumerate(names)}
    missing = [clip for clip in clips if clip not in rows]
    if missing:
        raise ValueError(f"{path}: lacks {len(missing)} clips, first {missing[:5]}: run `dvc repro`")
    return [rows[clip] for clip in clips]


def labels_of(clips: pd.DataFrame) -> torch.Tensor:
    """Return (clip,), the number of each clip's emotion; ValueError names unknown emotions."""
    unknown = sorted(set(clips["emotion"]) - EMOTION_INDEX.keys(), key=str)
    if unknown:
        raise ValueError(f"unknown emotions {unknown}; expected {list(EMOTION_INDEX)}")
    return torch.tensor([EMOTION_INDEX[emotion] for emotion in clips["emotion"]])


def class_weights(labels: torch.Tensor, classes: int) -> torch.Tensor:
    """Return (classes,) float32 weights, inverse to the class counts and 1 on average over the clips.

    n / (present classes · n_class), scikit-learn's "balanced"; a class without clips gets 0.
    """
    counts = torch.bincount(labels, minlength=classes).float()
    present = counts > 0
    return torch.where(present, len(labels) / (present.sum() * counts.clamp_min(1)), 0.0)
