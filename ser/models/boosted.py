"""LightGBM as a head of an encoder; the number of its trees comes from validation clips."""

import dataclasses
from pathlib import Path
from typing import Self

import lightgbm
import numpy as np
import torch

from ser.corpora.emotions import EMOTIONS
from ser.data.tables import class_weights
from ser.training.boosting import BoostingSettings, train_boosting

FILE = "trees.txt"

Clips = tuple[np.ndarray, np.ndarray]


@dataclasses.dataclass(frozen=True)
class BoostedHead:
    """Features (clip, dim) → raw scores (clip, classes); trees: how many it kept."""

    booster: lightgbm.Booster
    trees: int

    @classmethod
    def train(cls, train: Clips, val: Clips, settings: BoostingSettings) -> Self:
        """Fit until the loss on `val` rises; train, val: features (clip, dim) and labels (clip,).

        All emotions weigh the same.
        """
        weights = class_weights(torch.from_numpy(train[1]), len(EMOTIONS)).numpy()
        model = train_boosting(train, val, weights, settings)
        return cls(model.booster_, model.best_iteration_)

    @classmethod
    def train_trees(cls, train: Clips, settings: BoostingSettings, trees: int) -> Self:
        """Fit so many trees."""
        return cls.train(train, train, dataclasses.replace(settings, estimators=trees, patience=trees))

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Return raw scores (clip, classes) float64, whose softmax the probabilities are."""
        return np.asarray(self.booster.predict(features, raw_score=True))

    def save(self, folder: Path) -> None:
        """Write the trees to a folder."""
        self.booster.save_model(folder / FILE)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read them again; ValueError names a file that is no model."""
        try:
            booster = lightgbm.Booster(model_file=folder / FILE)
        except lightgbm.basic.LightGBMError as error:
            raise ValueError(f"{folder / FILE}: not a model of LightGBM ({error})") from None
        return cls(booster, booster.num_trees() // len(EMOTIONS))
