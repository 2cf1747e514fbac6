"""Multinomial logistic regression on standardised features."""

import dataclasses

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from encoders.copies import Predict
from stages.ser.params import check


@dataclasses.dataclass(frozen=True)
class LogisticSettings:
    inverse_penalty: float
    iterations: int

    def __post_init__(self) -> None:
        check(self.inverse_penalty > 0, "inverse_penalty", self.inverse_penalty, "more than 0")
        check(self.iterations >= 1, "iterations", self.iterations, "1 or more")


def fit_logistic(features: np.ndarray, labels: np.ndarray, settings: LogisticSettings) -> Predict:
    """Return what turns features (clip, dim) into log-probabilities (clip, classes)."""
    model = LogisticRegression(C=settings.inverse_penalty, max_iter=settings.iterations)
    return make_pipeline(StandardScaler(), model).fit(features, labels).predict_log_proba
