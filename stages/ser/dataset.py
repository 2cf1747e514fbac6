"""Clips, their splits and their features → labelled tensors."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import torch
from torch.utils.data import Dataset

from stages.ser.emotions import EMOTION_INDEX
from stages.ser.tensors import load_tensors

FeatureSource = Callable[[int], torch.Tensor]


def join_splits(clips: pd.DataFrame, splits: pd.DataFrame) -> pd.DataFrame:
    """Add each clip's split to the clip table; ValueError names clips that only one of the two tables has."""
    strangers = sorted(set(clips["clip"]) ^ set(splits["clip"]))
    if strangers:
        raise ValueError(f"clips and splits differ in {len(strangers)} clips, first {strangers[:5]}: run `dvc repro`")
    return clips.merge(splits, on="clip", validate="one_to_one")


class RAVDESS_AudioDataset(Dataset):
    """Labelled features of the clips of a table (columns clip and emotion), in its order.

    An item is (features: float32 without the clip axis, label: index into EMOTIONS).
    """

    def __init__(self, table: pd.DataFrame, features: torch.Tensor | FeatureSource) -> None:
        self.table = table.reset_index(drop=True)
        unknown = sorted(set(table["emotion"]) - EMOTION_INDEX.keys())
        if unknown:
            raise ValueError(f"unknown emotions {unknown}; expected {list(EMOTION_INDEX)}")
        self.labels = torch.tensor([EMOTION_INDEX[emotion] for emotion in table["emotion"]])
        self._features = features

    @classmethod
    def from_cache(cls, path: Path, table: pd.DataFrame) -> "RAVDESS_AudioDataset":
        """Read precomputed features; ValueError names clips that the cache lacks."""
        cache = load_tensors(path, ("clips", "features"))
        row_of = {clip: row for row, clip in enumerate(cache["clips"])}
        missing = [clip for clip in table["clip"] if clip not in row_of]
        if missing:
            raise ValueError(f"{path}: lacks {len(missing)} clips, first {missing[:5]}: run `dvc repro`")
        return cls(table, cache["features"][[row_of[clip] for clip in table["clip"]]])

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
        return RAVDESS_AudioDataset(self.table.loc[rows], chosen)


def class_weights(labels: torch.Tensor, classes: int) -> torch.Tensor:
    """Return (classes,) float32 weights, inverse to the class counts and 1 on average over the clips.

    n / (present classes · n_class), scikit-learn's "balanced"; a class without clips gets 0.
    """
    counts = torch.bincount(labels, minlength=classes).float()
    present = counts > 0
    return torch.where(present, len(labels) / (present.sum() * counts.clamp_min(1)), 0.0)


def shuffled_batches(clips: int, batch_size: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """Yield the rows of one epoch in random order; a last batch of one is left out (batch norm needs two)."""
    for rows in torch.randperm(clips, generator=generator).split(batch_size):
        if len(rows) > 1:
            yield rows
