"""Late fusion: models' log-probabilities summed by weights."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax


def fit_weights(logs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the weights, none negative, of log-probabilities (member, clip, emotions) that make labels most likely.

    A logarithmic opinion pool (Hinton 1999): their sum, normalised, is the fused probability. As the weights need not
    sum to one, they set its temperature, too.
    """

    def loss(weights: np.ndarray) -> float:
        fused = log_softmax(np.tensordot(weights, logs, axes=1), axis=1)
        return -float(np.take_along_axis(fused, labels[:, None], axis=1).mean())

    return minimize(loss, np.full(len(logs), 1 / len(logs)), bounds=[(0, None)] * len(logs), method="L-BFGS-B").x
