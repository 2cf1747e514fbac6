"""Protocols: which clips of each fold train, validate and test, the same on every run."""

import dataclasses

import numpy as np
import pandas as pd

from ser.corpora.splits import SplitSettings, assign_splits
from ser.storage.params import check

# Actors of each test fold: Luna-Jiménez et al. 2021 (Sensors 21, 7665) and EmoBox (Ma et al. 2024)
LUNA = ((2, 5, 14, 15, 16), (3, 6, 7, 13, 18), (10, 11, 12, 19, 20), (8, 17, 21, 23, 24), (1, 4, 9, 22))
EMOBOX = ((1, 11, 20, 21), (4, 10, 12, 14), (8, 9, 19, 23), (3, 5, 7, 24), (2, 15, 16, 18), (6, 13, 17, 22))
LOSO = tuple((actor,) for actor in range(1, 25))

SPEAKER_FOLDS = {"luna": LUNA, "emobox": EMOBOX, "loso": LOSO}
PROTOCOLS = (*SPEAKER_FOLDS, "stratified")
TITLES = {
    "luna": "Speaker-independent: Luna-Jiménez's 5 folds",
    "emobox": "Speaker-independent: EmoBox's 6 folds",
    "loso": "Speaker-independent: leave one speaker out",
    "stratified": "Speaker-dependent: random splits",
}


@dataclasses.dataclass(frozen=True)
class FoldSettings:
    """How much of each training part validates, and how often the random split is drawn."""

    val_speakers: int
    repeats: int
    val_fraction: float
    test_fraction: float
    seed: int

    def __post_init__(self) -> None:
        check(self.val_speakers >= 2 and self.val_speakers % 2 == 0, "val_speakers", self.val_speakers, "2, 4, 6, …")
        check(self.repeats >= 1, "repeats", self.repeats, "1 or more")
        check(0 <= self.seed < 2**31, "seed", self.seed, "0 to 2^31 - 1")


def assign_folds(clips: pd.DataFrame, protocol: str, settings: FoldSettings) -> pd.DataFrame:
    """Return a row a clip: its name, then for each fold (columns "1", "2", …) train, val or test.

    clips: the clip table (clip, emotion, actor, sex, duplicate_of). Speaker folds hold whole actors, in validation as
    many female as male ones; stratified ones are random splits (`ser.corpora.splits`), a seed each.
    ParamsError names an unknown protocol, ValueError the actors that the table lacks.
    """
    check(protocol in PROTOCOLS, "protocol", protocol, " or ".join(PROTOCOLS))
    if protocol == "stratified":
        folds = [_random_split(clips, settings, repeat) for repeat in range(1, settings.repeats + 1)]
    else:
        folds = [_speaker_split(clips, test, settings, index) for index, test in enumerate(SPEAKER_FOLDS[protocol], 1)]
    columns = {str(index): split.to_numpy() for index, split in enumerate(folds, 1)}
    return pd.DataFrame({"clip": clips["clip"].to_numpy()} | columns)


def _random_split(clips: pd.DataFrame, settings: FoldSettings, repeat: int) -> pd.Series:
    seed = settings.seed + repeat
    return assign_splits(clips, SplitSettings("stratified", settings.val_fraction, settings.test_fraction, seed))


def _speaker_split(clips: pd.DataFrame, test: tuple[int, ...], settings: FoldSettings, index: int) -> pd.Series:
    """Give the test actors to test and, of the others, `val_speakers` drawn at random to val."""
    missing = sorted(set(test) - set(clips["actor"]))
    if missing:
        raise ValueError(f"data/clips.csv: has no clips of the actors {missing}; the folds are for all 24 of RAVDESS")
    sexes = clips.drop_duplicates("actor").set_index("actor")["sex"].drop(list(test)).sort_index()
    generator = np.random.default_rng([settings.seed, index])
    val = []
    for sex in ("female", "male"):
        actors = sexes.index[sexes == sex]
        allowed = f"below twice the {len(actors)} {sex} actors outside the test fold"
        check(settings.val_speakers // 2 < len(actors), "val_speakers", settings.val_speakers, allowed)
        val += generator.choice(actors, settings.val_speakers // 2, replace=False).tolist()
    split = pd.Series("train", index=clips.index)
    split[clips["actor"].isin(val)], split[clips["actor"].isin(test)] = "val", "test"
    return split
