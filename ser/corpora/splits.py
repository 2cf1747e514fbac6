"""The clip table → train, val and test, so that the same seed always gives the same split."""

import dataclasses

import pandas as pd
from sklearn.model_selection import train_test_split

from ser.corpora.clip_table import SPLITS
from ser.corpora.emotions import EMOTIONS
from ser.storage.params import check

PROTOCOLS = ("stratified", "speaker_independent")


@dataclasses.dataclass(frozen=True)
class SplitSettings:
    protocol: str
    val_fraction: float
    test_fraction: float
    seed: int

    def __post_init__(self) -> None:
        check(self.protocol in PROTOCOLS, "protocol", self.protocol, " or ".join(PROTOCOLS))
        for name in ("val_fraction", "test_fraction"):
            check(0 < getattr(self, name) < 1, name, getattr(self, name), "between 0 and 1")
        total = self.val_fraction + self.test_fraction
        check(total < 1, "val_fraction + test_fraction", total, "below 1")
        check(0 <= self.seed < 2**32, "seed", self.seed, "0 to 2^32 - 1")


def assign_splits(clips: pd.DataFrame, settings: SplitSettings) -> pd.Series:
    """Return train, val or test for each row of the clip table (clip, emotion, actor, sex, duplicate_of).

    stratified: random clips, each emotion's share kept; clips with identical content stay together.
    speaker_independent: random actors, as many of each sex as possible, so no voice is in two splits.
    """
    if settings.protocol == "speaker_independent":
        actors = clips.drop_duplicates("actor").set_index("actor")["sex"]
        return clips["actor"].map(_draw(actors, settings))
    splits = _draw(clips["emotion"], settings)
    _reunite_duplicates(clips, splits)
    return splits


def require_emotions(clips: pd.DataFrame, splits: pd.Series, source: str) -> None:
    """Raise ValueError with the emotions that no training clip has: no model could learn them."""
    trained = set(clips.loc[splits == "train", "emotion"])
    if missing := [emotion for emotion in EMOTIONS if emotion not in trained]:
        raise ValueError(
            f"{source}: no training clips of {', '.join(missing)}; every model learns all {len(EMOTIONS)} emotions. "
            "Add clips of each, or take another protocol, seed or share of val and test."
        )


def _draw(strata: pd.Series, settings: SplitSettings) -> pd.Series:
    """Split the index of `strata` at random, with the shares of its values kept and sizes rounded to whole items."""
    val, test = (round(fraction * len(strata)) for fraction in (settings.val_fraction, settings.test_fraction))
    least, train = strata.nunique(), len(strata) - val - test
    allowed = f"at least {least}, one for each of {sorted(strata.unique())}"
    check(min(train, val, test) >= least, "the sizes of train, val and test", (train, val, test), allowed)
    if few := [value for value, count in strata.value_counts().items() if count < len(SPLITS)]:
        raise ValueError(f"fewer than {len(SPLITS)} of {', '.join(few)}: train, val and test need one each")
    rest, test_items = train_test_split(strata.index, test_size=test, stratify=strata, random_state=settings.seed)
    _, val_items = train_test_split(rest, test_size=val, stratify=strata[rest], random_state=settings.seed)
    splits = pd.Series("train", index=strata.index)
    splits[val_items], splits[test_items] = "val", "test"
    return splits


def _reunite_duplicates(clips: pd.DataFrame, splits: pd.Series) -> None:
    """Move each duplicate to its original's split, in exchange for a clip of the same emotion: sizes stay exact."""
    row_of = pd.Series(clips.index, index=clips["clip"])
    unique = ~(clips["clip"].isin(clips["duplicate_of"]) | clips["duplicate_of"].notna())
    for row, original in clips["duplicate_of"].dropna().items():
        home = splits[row_of[original]]
        if splits[row] != home:
            swaps = clips.index[unique & (splits == home) & (clips["emotion"] == clips.loc[row, "emotion"])]
            splits[swaps[:1]], splits[row] = splits[row], home
