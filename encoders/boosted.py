"""LightGBM on features; the number of its trees comes from validation clips."""

import dataclasses

import numpy as np
import torch

from encoders.copies import Predict
from stages.ser.boosting import BoostingSettings, train_boosting
from stages.ser.dataset import class_weights
from stages.ser.emotions import EMOTIONS

Clips = tuple[np.ndarray, np.ndarray]


def fit_stopped(train: Clips, val: Clips, settings: BoostingSettings) -> tuple[Predict, int]:
    """Fit until the loss on `val` rises; return what predicts raw scores (clip, emotions), and the number of trees.

    train, val: features (clip, dim) and labels (clip,). All emotions weigh the same.
    """
    weights = class_weights(torch.from_numpy(train[1]), len(EMOTIONS)).numpy()
    model = train_boosting(train, val, weights, settings)
    return lambda features: np.asarray(model.predict_proba(features, raw_score=True)), model.best_iteration_


def fit_trees(train: Clips, settings: BoostingSettings, trees: int) -> Predict:
    """Fit so many trees, and return what predicts raw scores."""
    return fit_stopped(train, train, dataclasses.replace(settings, estimators=trees, patience=trees))[0]
