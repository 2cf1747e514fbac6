"""Draw folds of whole speakers within a corpus, emotions spread evenly: tables/<corpus>.csv → folds/<corpus>.csv."""

import argparse
import dataclasses
import warnings

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

from ser.corpora.any_table import has_speakers
from ser.storage.errors import reporting
from ser.storage.files import write_table
from ser.storage.params import build, check, read_params
from studies.outside.corpora.settings import PARAMS, PROJECT, emotions_of, read_corpus


@dataclasses.dataclass(frozen=True)
class FoldSettings:
    count: int
    seed: int

    def __post_init__(self) -> None:
        check(2 <= self.count <= 100, "count", self.count, "2 to 100")
        check(0 <= self.seed < 2**31, "seed", self.seed, "0 to 2^31 - 1")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", help=f"one of corpora.fetched in {PARAMS}")
    name = parser.parse_args().corpus
    with reporting("folds"):
        settings = build(FoldSettings, read_params(PARAMS, "folds"), "folds", str(PARAMS))
        folds = draw_folds(read_corpus(name), settings, name)
        write_table(folds, PROJECT / f"folds/{name}.csv")
        print(folds["fold"].value_counts().sort_index().to_string())


def draw_folds(clips: pd.DataFrame, settings: FoldSettings, name: str) -> pd.DataFrame:
    """Return the number of the fold that tests each clip of the eight emotions: clip, fold.

    With a column `split`, its test clips are fold 1 and the others are 0: they always train. ValueError lists the
    emotions that a fold would test without training on them, and their speakers.
    """
    clips = clips[clips["emotion"].isin(emotions_of(clips))].reset_index(drop=True)
    fold = (clips["split"] == "test").astype(int) if "split" in clips else _of_speakers(clips, settings, name)
    if not fold.any():
        raise ValueError(f"{name}: no clip of the eight emotions is in the split test")
    problems = []
    for number in sorted(set(fold) - {0}):
        tested, trained = clips[fold == number], clips[fold != number]
        for emotion in emotions_of(tested):
            if emotion not in set(trained["emotion"]):
                speakers = sorted(set(tested.loc[tested["emotion"] == emotion, "actor"].astype(str)))
                problems.append(f"fold {number}: all clips of {emotion} are tested, of the speakers {speakers[:5]}")
    if problems:
        listing = "\n  ".join(problems)
        raise ValueError(f"{name}: no clips are left to learn from:\n  {listing}\nTake another folds.seed or count.")
    return pd.DataFrame({"clip": clips["clip"], "fold": fold})


def _of_speakers(clips: pd.DataFrame, settings: FoldSettings, name: str) -> pd.Series:
    # Of unknown speakers at least clips with the same bytes stay together
    speaker = clips["actor"].astype(str) if has_speakers(clips) else clips["duplicate_of"].fillna(clips["clip"])
    speakers = speaker.nunique()
    if speakers < 2:
        raise ValueError(f"{name}: has one speaker, {clips['actor'].iloc[0]}; folds need two. Give its table a split.")
    folds = pd.Series(0, index=clips.index)
    drawn = StratifiedGroupKFold(min(settings.count, speakers), shuffle=True, random_state=settings.seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of emotions that fewer clips have than there are folds
        parts = list(drawn.split(np.zeros(len(clips)), clips["emotion"], speaker))
    for number, (_, tested) in enumerate(parts, 1):
        folds.iloc[tested] = number
    return folds


if __name__ == "__main__":
    main()
