"""The hybrid: LightGBM on the embeddings of a trained CNN-LSTM, or on any other features of a clip."""

import dataclasses
from pathlib import Path
from typing import Any, Self

import lightgbm
import numpy as np
import torch

from ser.corpora.emotions import EMOTIONS
from ser.data.fixed_length import RAVDESS_AudioDataset
from ser.data.tables import class_weights
from ser.models.store import read_description, write_description
from ser.storage.files import replacing_folder
from ser.training.boosting import BoostingSettings, train_boosting

TREES, EXTRACTOR = "trees.txt", "extractor"


@dataclasses.dataclass(frozen=True)
class Hybrid:
    """Trees on features (clip, dim), and the number of them that validation chose."""

    booster: lightgbm.Booster
    best_iteration: int

    @classmethod
    def train(cls, dataset: RAVDESS_AudioDataset, settings: BoostingSettings, part: str = "train") -> Self:
        """Fit on the clips of one split, stopped early on those of val; all emotions weigh the same."""
        train, val = (dataset.part(split) for split in (part, "val"))
        weights = class_weights(train.labels, len(EMOTIONS)).numpy()
        parts = ((part.features.numpy(), part.labels.numpy()) for part in (train, val))
        model = train_boosting(*parts, weights, settings)
        return cls(model.booster_, model.best_iteration_)

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        """Return raw scores (clip, emotions) float64, whose softmax the probabilities are."""
        return torch.from_numpy(np.asarray(self.booster.predict(features.numpy(), raw_score=True)))

    def probabilities(self, features: torch.Tensor) -> np.ndarray:
        """Return float64 probabilities (clip, emotions)."""
        return np.asarray(self.booster.predict(features.numpy()))

    def save(self, folder: Path, extractor: Any) -> None:
        """Write the model as a folder, with the extractor whose embeddings it learned from."""
        with replacing_folder(folder) as temporary:
            self.booster.save_model(temporary / TREES)
            extractor.save(temporary / EXTRACTOR)
            write_description(temporary, "hybrid", best_iteration=self.best_iteration)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the trees of a folder; ValueError names what does not fit."""
        found = read_description(folder, "hybrid", ("best_iteration",))
        try:
            booster = lightgbm.Booster(model_file=folder / TREES)
        except lightgbm.basic.LightGBMError as error:
            raise ValueError(f"{folder / TREES}: not a model of LightGBM ({error}). Run `dvc repro`.") from None
        return cls(booster, found["best_iteration"])
