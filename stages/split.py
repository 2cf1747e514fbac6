"""Assign every clip to train, val or test: data/clips.csv → data/splits.csv."""

from pathlib import Path

import pandas as pd

from ser.corpora.clip_table import read_clips
from ser.corpora.splits import SplitSettings, assign_splits, require_emotions
from ser.storage.errors import reporting
from ser.storage.files import write_table
from ser.storage.params import build, read_params

PARAMS = Path("params.yaml")
CLIPS = Path("data/clips.csv")
SPLITS = Path("data/splits.csv")


def main() -> None:
    with reporting("split"):
        settings = build(SplitSettings, read_params(PARAMS, "split"), "split")
        clips = read_clips(CLIPS, "clip", "emotion", "actor", "sex", "duplicate_of")
        splits = assign_splits(clips, settings)
        require_emotions(clips, splits, str(CLIPS))
        write_table(pd.DataFrame({"clip": clips["clip"], "split": splits}), SPLITS)
        counts = splits.value_counts()
        print(", ".join(f"{counts[split]} {split}" for split in ("train", "val", "test")), f"({settings.protocol})")


if __name__ == "__main__":
    main()
