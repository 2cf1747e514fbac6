"""Features of one length → labelled tensors."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch.utils.data import Dataset

from ser.data.tables import labels_of, rows_of
from ser.storage.tensors import load_tensors

FeatureSource = Callable[[int], torch.Tensor]


class RAVDESS_AudioDataset(Dataset):
    """Labelled features of the clips of a table (columns clip and emotion), in its order.

    An item is (features: float32 without the clip axis, label: index into EMOTIONS). front_end: the settings that the
    features were computed with, where the file of features says so.
    """

    def __init__(
        self, table: pd.DataFrame, features: torch.Tensor | FeatureSource, front_end: dict[str, Any] | None = None
    ) -> None:
        self.table = table.reset_index(drop=True)
        self.labels = labels_of(table)
        self.front_end = front_end
        self._features = features

    @classmethod
    def from_cache(cls, path: Path, table: pd.DataFrame) -> "RAVDESS_AudioDataset":
        """Read precomputed features; ValueError names clips that the cache lacks."""
        cache = load_tensors(path, ("clips", "features"))
        return cls(table, cache["features"][rows_of(table["clip"], cache["clips"], path)], cache.get("front_end"))

    @classmethod
    def from_files(
        cls, folder: Path, table: pd.DataFrame, compute: Callable[[Path], torch.Tensor]
    ) -> "RAVDESS_AudioDataset":
        """Compute features when asked, from the table's column `path` within `folder`; equal to the cached ones."""
        paths = [folder / path for path in table["path"]]
        return cls(table, lambda index: compute(paths[index]))

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        if isinstance(self._features, torch.Tensor):
            return self._features[index], int(self.labels[index])
        return self._features(index), int(self.labels[index])

    @property
    def features(self) -> torch.Tensor:
        """All features as one tensor (clip, …)."""
        if isinstance(self._features, torch.Tensor):
            return self._features
        return torch.stack([self._features(index) for index in range(len(self))])

    def part(self, split: str) -> "RAVDESS_AudioDataset":
        """Return the clips of one split (train, val or test); ValueError when there are none."""
        rows = self.table.index[self.table["split"] == split].tolist()
        if not rows:
            raise ValueError(f"no clip is in the split {split!r}; splits are {sorted(set(self.table['split']))}")
        source = self._features
        chosen = source[rows] if isinstance(source, torch.Tensor) else lambda index: source(rows[index])
        return RAVDESS_AudioDataset(self.table.loc[rows], chosen, self.front_end)


def shuffled_batches(clips: int, batch_size: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """Yield the rows of one epoch in random order; a last batch of one is left out (batch norm needs two)."""
    for rows in torch.randperm(clips, generator=generator).split(batch_size):
        if len(rows) > 1:
            yield rows
