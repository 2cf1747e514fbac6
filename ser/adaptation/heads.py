"""Linear heads on normalised features."""

import dataclasses

import numpy as np

from ser.adaptation.speakers import Normaliser


@dataclasses.dataclass(frozen=True)
class LinearHead:
    """weight: (emotions, dim), bias: (emotions,)."""

    weight: np.ndarray
    bias: np.ndarray

    def logs(self, features: np.ndarray, normaliser: Normaliser) -> np.ndarray:
        """Return log-probabilities (clip, emotions), means over the copies of features (copies, clip, dim)."""
        weight = self.weight / normaliser.deviation[:, None]  # (copies, emotions, dim): the features stay as they are
        bias = self.bias - np.einsum("ced,cd->ce", weight, normaliser.mean)
        logits = features @ weight.astype(features.dtype).swapaxes(1, 2) + bias[:, None]
        return log_softmax(log_softmax(logits).mean(axis=0))


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Return log-probabilities over the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
