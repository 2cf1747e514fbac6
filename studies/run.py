"""The command line of a training on one fold: its clips, and the paths of its outputs."""

import argparse
import dataclasses
from pathlib import Path

import pandas as pd

from ser.corpora.clip_table import read_clips, read_splits
from ser.evaluation.fold_predictions import permute_labels
from ser.storage.bounds import breaches

CLIPS = Path("data/clips.csv")
FOLDS = Path("studies/crossval/folds")


def seed(text: str) -> int:
    """Return the seed that an argument of a command line says, within the bounds that params have."""
    for breach in breaches({"seed": int(text)}):
        raise argparse.ArgumentTypeError(breach)
    return int(text)


@dataclasses.dataclass(frozen=True)
class Run:
    """One fold of a protocol, and the seed of a training on it."""

    protocol: str
    fold: int
    seed: int
    permuted: bool = False

    @classmethod
    def from_arguments(cls, description: str | None) -> "Run":
        parser = argparse.ArgumentParser(description=description)
        parser.add_argument("protocol", help=f"a table in {FOLDS}")
        parser.add_argument("fold", type=int, help="a column of it")
        parser.add_argument("seed", type=seed)
        parser.add_argument("--permuted", action="store_true", help="shuffle the labels of train and val: a check")
        return cls(**vars(parser.parse_args()))

    def path(self, runs: Path, model: str) -> Path:
        """The path of a model's table in a project's folder of runs; a JSON file beside it has the facts."""
        protocol = f"{self.protocol}_permuted" if self.permuted else self.protocol
        return runs / protocol / model / f"{self.fold}-{self.seed}.csv"

    def clips(self) -> pd.DataFrame:
        """Return the clip table with each clip's split in this fold; labels of train and val shuffled if permuted."""
        table = read_clips(CLIPS, "clip", "emotion")
        folds = read_splits(FOLDS / f"{self.protocol}.csv", str(self.fold))
        unmatched = sorted(set(table["clip"]) ^ set(folds["clip"]))
        if unmatched:
            raise ValueError(f"clips and folds differ in {len(unmatched)} clips, first {unmatched[:5]}: rerun `folds`")
        table["split"] = table["clip"].map(folds.set_index("clip")[str(self.fold)])
        return permute_labels(table, self.seed) if self.permuted else table
