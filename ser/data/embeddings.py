"""Embeddings of all copies of the clips: heads are trained on every copy, tested on the mean over the copies."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from ser.data.tables import labels_of, rows_of
from ser.storage.tensors import load_tensors

Predict = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class EmbeddedClips:
    """Embeddings (copy, clip, layers, 2, width) float32, and the clips' labels and splits (clip,)."""

    embeddings: np.ndarray
    labels: np.ndarray
    split: np.ndarray

    @classmethod
    def read(cls, paths: list[Path], clips: pd.DataFrame) -> "EmbeddedClips":
        """Read one file a copy, of clips (columns clip, emotion and split); ValueError lists the missing clips."""
        embeddings = []
        for path in paths:
            content = load_tensors(path, ("clips", "embeddings"))
            embeddings.append(content["embeddings"][rows_of(clips["clip"], content["clips"], path)].numpy())
        return cls(np.stack(embeddings), labels_of(clips).numpy(), clips["split"].to_numpy())

    def part(self, *splits: str) -> "EmbeddedClips":
        """Return the clips of these splits."""
        rows = np.isin(self.split, splits)
        return EmbeddedClips(self.embeddings[:, rows], self.labels[rows], self.split[rows])

    def stacked(self) -> tuple[np.ndarray, np.ndarray]:
        """Return all copies as features (copies · clips, dim), and their labels."""
        copies = len(self.embeddings)
        return self.embeddings.reshape(copies * len(self.labels), -1), np.tile(self.labels, copies)

    def predict(self, predict: Predict) -> torch.Tensor:
        """Return (clip, emotions), the mean of a prediction over the copies."""
        return torch.from_numpy(np.mean([predict(copy.reshape(len(copy), -1)) for copy in self.embeddings], axis=0))
