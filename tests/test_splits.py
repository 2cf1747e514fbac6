"""Clips → train, val and test: exact sizes, kept shares, nothing shared that must be apart."""

import functools

import numpy as np
import pandas as pd
import pytest

from ser.corpora.emotions import EMOTIONS
from ser.corpora.ravdess import all_names, parse_name
from ser.corpora.splits import SplitSettings, assign_splits, require_emotions
from ser.storage.params import ParamsError

SIZES = {"train": 1008, "val": 216, "test": 216}
SEEDS = range(25)
SEXES = ("female", "male")


def settings(protocol: str = "stratified", seed: int = 42, val: float = 0.15, test: float = 0.15) -> SplitSettings:
    return SplitSettings(protocol, val, test, seed)


@functools.cache
def corpus(actors: int = 24) -> pd.DataFrame:
    """The clip table of a complete corpus, all clips different."""
    names = [parse_name(path) for path in all_names(actors)]
    table = pd.DataFrame([vars(name) | {"sex": name.sex} for name in names])
    return table.assign(duplicate_of=np.nan)


@functools.cache
def ravdess() -> pd.DataFrame:
    """The clip table of RAVDESS, with the byte-identical pair of Actor_07."""
    table = corpus().copy()
    table["duplicate_of"] = table["duplicate_of"].astype(object)
    table.loc[table["clip"] == "03-01-03-01-02-02-07", "duplicate_of"] = "03-01-03-01-02-01-07"
    return table


@functools.cache
def split_ravdess(protocol: str, seed: int) -> pd.Series:
    return assign_splits(ravdess(), settings(protocol, seed))


@pytest.fixture
def clips():
    return ravdess()


def identical_to(table: pd.DataFrame, pairs: dict[int, int]) -> pd.DataFrame:
    """The table with each row in `pairs` marked as a repetition of another row."""
    originals = pd.Series({row: table.loc[original, "clip"] for row, original in pairs.items()})
    return table.assign(duplicate_of=originals.reindex(table.index))


@pytest.mark.parametrize("seed", SEEDS)
def test_sizes_are_exact_and_every_clip_has_one_split(clips, seed):
    splits = split_ravdess("stratified", seed)
    assert splits.value_counts().to_dict() == SIZES
    assert splits.index.equals(clips.index)


@pytest.mark.parametrize("seed", SEEDS)
def test_each_emotion_keeps_its_share_within_a_clip(clips, seed):
    splits = split_ravdess("stratified", seed)
    counts = pd.crosstab(clips["emotion"], splits)
    for split in ("val", "test"):
        expected = clips["emotion"].value_counts() * SIZES[split] / len(clips)
        assert (abs(counts[split] - expected) < 1).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_identical_clips_are_never_apart(clips, seed):
    splits = split_ravdess("stratified", seed).set_axis(clips["clip"])
    assert splits["03-01-03-01-02-01-07"] == splits["03-01-03-01-02-02-07"]


@pytest.mark.parametrize("seed", range(5))
def test_groups_of_identical_clips_stay_together_with_sizes_and_shares_unchanged(seed):
    table = corpus().copy()
    # threes of one emotion, and a pair of two emotions
    pairs = {row + offset: row for row in range(4, 1400, 60) for offset in (1, 2)} | {1439: 7}
    table = identical_to(table, pairs)
    splits = assign_splits(table, settings(seed=seed))
    assert all(splits[row] == splits[original] for row, original in pairs.items())
    plain = assign_splits(corpus(), settings(seed=seed))
    pd.testing.assert_frame_equal(pd.crosstab(table["emotion"], splits), pd.crosstab(table["emotion"], plain))


def test_reuniting_the_identical_pair_moves_no_more_than_two_clips():
    plain = {seed: assign_splits(corpus(), settings(seed=seed)) for seed in SEEDS}
    assert {(split_ravdess("stratified", seed) != plain[seed]).sum() for seed in SEEDS} == {0, 2}


@pytest.mark.parametrize("protocol", ["stratified", "speaker_independent"])
def test_the_seed_decides_the_split(clips, protocol):
    assert assign_splits(clips, settings(protocol, 1)).equals(split_ravdess(protocol, 1))
    assert not split_ravdess(protocol, 1).equals(split_ravdess(protocol, 2))


@pytest.mark.parametrize("protocol", ["stratified", "speaker_independent"])
def test_the_index_of_the_table_does_not_matter(clips, protocol):
    expected = assign_splits(clips, settings(protocol))
    other = assign_splits(clips.set_index(clips.index[::-1] + 7), settings(protocol))
    assert other.tolist() == expected.tolist()


def test_every_clip_comes_into_the_test_split_sooner_or_later():
    table = corpus(2)
    tested = sum((assign_splits(table, settings(seed=seed)) == "test").astype(int) for seed in range(60))
    assert tested.min() > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_no_actor_is_in_two_splits(clips, seed):
    splits = split_ravdess("speaker_independent", seed)
    assert (clips.assign(split=splits).groupby("actor")["split"].nunique() == 1).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_speaker_independent_splits_have_four_actors_half_of_them_female(clips, seed):
    splits = split_ravdess("speaker_independent", seed)
    actors = clips.assign(split=splits).drop_duplicates("actor")
    expected = {(split, sex): count for split, count in (("train", 8), ("val", 2), ("test", 2)) for sex in SEXES}
    assert actors.groupby(["split", "sex"]).size().to_dict() == expected
    assert splits.value_counts().to_dict() == {"train": 960, "val": 240, "test": 240}


def test_speaker_independent_splits_have_every_emotion(clips):
    splits = assign_splits(clips, settings("speaker_independent"))
    assert (clips.groupby(splits)["emotion"].nunique() == len(EMOTIONS)).all()


@pytest.mark.parametrize(
    ("protocol", "actors", "val"), [("stratified", 1, 0.05), ("speaker_independent", 6, 0.15), ("stratified", 2, 0.001)]
)
def test_too_few_clips_or_actors_are_refused(protocol, actors, val):
    with pytest.raises(ParamsError, match=r"sizes of train, val and test is .*; allowed: at least \d, one for each of"):
        assign_splits(corpus(actors), settings(protocol, val=val))


def test_duplicates_stay_together_even_without_a_clip_to_exchange():
    pairs = [None, "a", None, "c", None, "e", None, "g"]
    clips = pd.DataFrame({"clip": list("abcdefgh"), "emotion": "sad", "actor": 1, "sex": "male", "duplicate_of": pairs})
    for seed in range(20):
        splits = assign_splits(clips, SplitSettings("stratified", 0.25, 0.25, seed))
        assert all(splits[first] == splits[first + 1] for first in range(0, 8, 2))


def test_emotions_without_training_clips_are_named(clips):
    splits = pd.Series("train", index=clips.index)
    require_emotions(clips, splits, "clips.csv")
    splits[clips["emotion"].isin(["sad", "calm"])] = "test"
    with pytest.raises(ValueError, match=r"^clips\.csv: no training clips of calm, sad; every model learns all 8"):
        require_emotions(clips, splits, "clips.csv")
