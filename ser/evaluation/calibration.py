"""How far confidence can be trusted: temperature, expected calibration error, accuracy against coverage."""

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

BINS = 15
TEMPERATURES = (0.05, 20.0)


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature that makes the labels most likely (Guo et al. 2017); logits: (clip, classes)."""

    def loss(log_temperature: float) -> float:
        scaled = log_softmax(logits / np.exp(log_temperature), axis=1)
        return -float(np.take_along_axis(scaled, labels[:, None], axis=1).mean())

    return float(np.exp(minimize_scalar(loss, bounds=np.log(TEMPERATURES), method="bounded").x))


def reliability(confidence: np.ndarray, right: np.ndarray, bins: int = BINS) -> pd.DataFrame:
    """Return for each bin of confidence that has clips: confidence and accuracy, means over its clips, and clips."""
    # Bins are (low, high]: a confidence on an edge belongs to the lower one
    index = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    table = pd.DataFrame({"bin": index + 1, "confidence": confidence, "accuracy": right.astype(float), "clips": 1})
    return table.groupby("bin", as_index=False).agg(
        confidence=("confidence", "mean"), accuracy=("accuracy", "mean"), clips=("clips", "sum")
    )


def calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = BINS) -> float:
    """Return the expected calibration error (Naeini et al. 2015): |accuracy - confidence|, averaged over the clips."""
    table = reliability(confidence, right, bins)
    return float(np.average((table["accuracy"] - table["confidence"]).abs(), weights=table["clips"]))


def coverage_curve(confidence: np.ndarray, right: np.ndarray, steps: int = 20) -> pd.DataFrame:
    """Return the accuracy on the most confident share of the clips, for `steps` shares up to all of them."""
    order = np.argsort(-confidence, kind="stable")
    running = np.cumsum(right[order]) / np.arange(1, len(right) + 1)
    coverage = np.arange(1, steps + 1) / steps
    answered = np.ceil(coverage * len(right)).astype(int)
    return pd.DataFrame({"coverage": coverage, "accuracy": running[answered - 1]})
