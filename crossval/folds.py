"""Assign every clip to train, val or test in each fold: data/clips.csv → crossval/folds/<protocol>.csv."""

from pathlib import Path

from crossval.protocols import PROTOCOLS, FoldSettings, assign_folds
from stages.ser.errors import reporting
from stages.ser.files import read_table, write_table
from stages.ser.params import build, read_params

PARAMS = Path("crossval/params.yaml")
CLIPS = Path("data/clips.csv")
FOLDS = Path("crossval/folds")


def main() -> None:
    with reporting("folds"):
        settings = build(FoldSettings, read_params(PARAMS, "folds"), "folds", str(PARAMS))
        clips = read_table(CLIPS, ("clip", "emotion", "actor", "sex", "duplicate_of"))
        for protocol in PROTOCOLS:
            folds = assign_folds(clips, protocol, settings)
            write_table(folds, FOLDS / f"{protocol}.csv")
            print(f"{protocol}: {folds.shape[1] - 1} folds")


if __name__ == "__main__":
    main()
