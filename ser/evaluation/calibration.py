"""How far confidence can be trusted: expected calibration error, accuracy against coverage."""

import numpy as np
import pandas as pd

BINS = 15


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
