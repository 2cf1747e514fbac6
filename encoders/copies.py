"""Heads on the embeddings of all copies of the clips: trained on every copy, tested on the mean over the copies."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from stages.ser.emotions import EMOTION_INDEX
from stages.ser.tensors import load_tensors

Predict = Callable[[np.ndarray], np.ndarray]


def load_embeddings(paths: list[Path], clips: pd.Series) -> np.ndarray:
    """Return (copy, clip, layers, 2, width) float32, clips in this order; ValueError names those that a file lacks."""
    copies = []
    for path in paths:
        content = load_tensors(path, ("clips", "embeddings"))
        rows = {clip: row for row, clip in enumerate(content["clips"])}
        missing = sorted(set(clips) - rows.keys())
        if missing:
            raise ValueError(f"{path}: lacks {len(missing)} clips, first {missing[:5]}. Run `dvc repro` in encoders/.")
        copies.append(content["embeddings"][[rows[clip] for clip in clips]].numpy())
    return np.stack(copies)


def labels_of(clips: pd.DataFrame) -> np.ndarray:
    """Return the number of each clip's emotion."""
    return clips["emotion"].map(EMOTION_INDEX).to_numpy()


def stack_copies(features: np.ndarray, labels: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return all copies of these rows of features (copy, clip, dim) as (copies · rows, dim), and their labels."""
    known = features[:, rows]
    return known.reshape(-1, known.shape[2]), np.tile(labels[rows], len(known))


def predict_copies(features: np.ndarray, predict: Predict) -> torch.Tensor:
    """Return (clip, emotions), the mean of a prediction over the copies of features (copy, clip, dim)."""
    return torch.from_numpy(np.mean([predict(copy) for copy in features], axis=0))
