"""Assign every clip to train, val or test in each fold of a protocol: data/clips.csv → folds/<protocol>.csv."""

import argparse
from pathlib import Path

from ser.corpora.clip_table import read_clips
from ser.corpora.protocols import PROTOCOLS, FoldSettings, assign_folds
from ser.corpora.splits import require_emotions
from ser.storage.errors import reporting
from ser.storage.files import write_table
from ser.storage.params import build, read_params

PARAMS = Path("studies/crossval/params.yaml")
CLIPS = Path("data/clips.csv")
FOLDS = Path("studies/crossval/folds")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("protocol", help=f"one of {', '.join(PROTOCOLS)}")
    protocol = parser.parse_args().protocol
    with reporting("folds"):
        settings = build(FoldSettings, read_params(PARAMS, "folds"), "folds", str(PARAMS))
        clips = read_clips(CLIPS, "clip", "emotion", "actor", "sex", "duplicate_of")
        folds = assign_folds(clips, protocol, settings)
        for fold in folds.columns.drop("clip"):
            require_emotions(clips, folds[fold], f"{CLIPS}, fold {fold}")
        write_table(folds, FOLDS / f"{protocol}.csv")
        print(f"{protocol}: {folds.shape[1] - 1} folds")


if __name__ == "__main__":
    main()
