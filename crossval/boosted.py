"""LightGBM on one fold's clips, each described by an embedding, by functionals, or by both."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from crossval.functionals import functionals
from stages.ser.boosting import BoostingSettings, train_boosting
from stages.ser.dataset import RAVDESS_AudioDataset, class_weights
from stages.ser.emotions import EMOTIONS
from stages.ser.params import build, read_params
from stages.ser.ragged import RaggedDataset

PARAMS = Path("params.yaml")
CROSSVAL_PARAMS = Path("crossval/params.yaml")
LOGMEL = Path("data/features/logmel.pt")


def read_functionals(clips: pd.DataFrame) -> torch.Tensor:
    """Return the functionals (clip, …) of a table's clips."""
    return functionals(RaggedDataset.from_cache(LOGMEL, clips))


def boost(features: torch.Tensor, clips: pd.DataFrame, seed: int, part: str = "train") -> tuple[torch.Tensor, int]:
    """Fit LightGBM on the clips of one split, stopped on val; return raw scores (clip, emotions), and its trees."""
    fixed = {"seed": seed, "threads": read_params(CROSSVAL_PARAMS, "threads")["design"]}
    settings = build(BoostingSettings, read_params(PARAMS, "train_lgbm") | fixed, "train_lgbm")
    dataset = RAVDESS_AudioDataset(clips, features)
    parts = [dataset.part(split) for split in (part, "val")]
    weights = class_weights(parts[0].labels, len(EMOTIONS)).numpy()
    model = train_boosting(*((part.features.numpy(), part.labels.numpy()) for part in parts), weights, settings)
    scores = np.asarray(model.predict_proba(features.numpy(), raw_score=True))
    return torch.from_numpy(scores), model.best_iteration_
