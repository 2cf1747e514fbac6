"""Multinomial logistic regression on standardised features, as a head of an encoder."""

import dataclasses
from pathlib import Path
from typing import Self

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from ser.storage.params import check
from ser.storage.tensors import load_tensors, save_tensors

FILE = "head.pt"
# What each step learned, by which it is built again without a pickle
LEARNED = {"standardscaler": ("mean_", "scale_"), "logisticregression": ("coef_", "intercept_", "classes_")}


@dataclasses.dataclass(frozen=True)
class LogisticSettings:
    inverse_penalty: float
    iterations: int

    def __post_init__(self) -> None:
        check(self.inverse_penalty > 0, "inverse_penalty", self.inverse_penalty, "more than 0")
        check(self.iterations >= 1, "iterations", self.iterations, "1 or more")


@dataclasses.dataclass(frozen=True)
class LogisticHead:
    """Features (clip, dim) → log-probabilities (clip, classes)."""

    steps: Pipeline

    @classmethod
    def train(cls, features: np.ndarray, labels: np.ndarray, settings: LogisticSettings) -> Self:
        """Fit on features (clip, dim) and labels (clip,)."""
        model = LogisticRegression(C=settings.inverse_penalty, max_iter=settings.iterations)
        return cls(make_pipeline(StandardScaler(), model).fit(features, labels))

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Return log-probabilities (clip, classes) float64."""
        return self.steps.predict_log_proba(features)

    def save(self, folder: Path) -> None:
        """Write what was learned to a folder."""
        learned = {
            name: torch.from_numpy(np.asarray(getattr(self.steps.named_steps[step], name)))
            for step, names in LEARNED.items()
            for name in names
        }
        save_tensors(learned, folder / FILE)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read it again; ValueError names a file that is damaged or lacks something."""
        learned = load_tensors(folder / FILE, tuple(name for names in LEARNED.values() for name in names))
        steps = make_pipeline(StandardScaler(), LogisticRegression())
        for step, names in LEARNED.items():
            for name in names:
                setattr(steps.named_steps[step], name, learned[name].numpy())
        return cls(steps)
