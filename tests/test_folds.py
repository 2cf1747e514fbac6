"""Protocols: the published fold lists, and nothing shared between training, validation and test at any level."""

import numpy as np
import pandas as pd
import pytest

from ser.corpora.protocols import EMOBOX, LOSO, LUNA, PROTOCOLS, SPEAKER_FOLDS, FoldSettings, assign_folds
from ser.corpora.ravdess import all_names, parse_name
from ser.storage.params import ParamsError

SETTINGS = FoldSettings(val_speakers=4, repeats=3, val_fraction=0.15, test_fraction=0.15, seed=42)
ACTORS = set(range(1, 25))


@pytest.fixture(scope="module")
def clips() -> pd.DataFrame:
    """The clip table of RAVDESS, with its byte-identical pair."""
    names = [parse_name(path) for path in all_names()]
    table = pd.DataFrame([vars(name) | {"sex": name.sex} for name in names]).assign(duplicate_of=None)
    table.loc[table["clip"] == "03-01-03-01-02-02-07", "duplicate_of"] = "03-01-03-01-02-01-07"
    return table


def actors_of(clips: pd.DataFrame, split: pd.Series, part: str) -> set[int]:
    return set(clips.loc[(split == part).to_numpy(), "actor"])


@pytest.mark.parametrize(("folds", "number"), [(LUNA, 5), (EMOBOX, 6), (LOSO, 24)])
def test_the_test_folds_hold_every_actor_once(folds, number):
    assert len(folds) == number
    assert sorted(actor for fold in folds for actor in fold) == sorted(ACTORS)


def test_the_lists_are_the_published_ones():
    assert LUNA[0] == (2, 5, 14, 15, 16) and LUNA[4] == (1, 4, 9, 22)
    assert EMOBOX[0] == (1, 11, 20, 21) and EMOBOX[5] == (6, 13, 17, 22)


@pytest.mark.parametrize("protocol", SPEAKER_FOLDS)
def test_no_speaker_is_in_two_parts_and_every_clip_is_in_one(clips, protocol):
    folds = assign_folds(clips, protocol, SETTINGS)
    for index, test in enumerate(SPEAKER_FOLDS[protocol], 1):
        parts = {part: actors_of(clips, folds[str(index)], part) for part in ("train", "val", "test")}
        assert parts["test"] == set(test)
        assert parts["train"] | parts["val"] | parts["test"] == ACTORS
        assert sum(map(len, parts.values())) == len(ACTORS)


@pytest.mark.parametrize("protocol", SPEAKER_FOLDS)
def test_validation_has_as_many_women_as_men_and_every_emotion(clips, protocol):
    folds = assign_folds(clips, protocol, SETTINGS)
    for index in range(1, folds.shape[1]):
        val = clips[(folds[str(index)] == "val").to_numpy()]
        assert val.drop_duplicates("actor")["sex"].value_counts().to_dict() == {"female": 2, "male": 2}
        assert val["emotion"].nunique() == 8


def test_validation_speakers_differ_between_folds_and_seeds(clips):
    folds = assign_folds(clips, "loso", SETTINGS)
    drawn = {tuple(sorted(actors_of(clips, folds[str(index)], "val"))) for index in range(1, 25)}
    assert len(drawn) > 12
    other = assign_folds(clips, "loso", FoldSettings(4, 3, 0.15, 0.15, seed=43))
    assert (other != folds).any(axis=None)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_same_settings_give_the_same_folds(clips, protocol):
    pd.testing.assert_frame_equal(*(assign_folds(clips, protocol, SETTINGS) for _ in range(2)))


def test_random_splits_have_the_designs_sizes_and_differ(clips):
    folds = assign_folds(clips, "stratified", SETTINGS)
    for repeat in ("1", "2", "3"):
        assert folds[repeat].value_counts().to_dict() == {"train": 1008, "val": 216, "test": 216}
    assert (folds["1"] != folds["2"]).any()
    twins = folds[folds["clip"].isin(["03-01-03-01-02-01-07", "03-01-03-01-02-02-07"])]
    assert (twins[["1", "2", "3"]].nunique() == 1).all()


def test_the_order_of_the_clips_does_not_matter_to_speaker_folds(clips):
    folds = assign_folds(clips, "luna", SETTINGS).set_index("clip")
    shuffled = clips.sample(frac=1, random_state=np.random.default_rng(0))
    pd.testing.assert_frame_equal(assign_folds(shuffled, "luna", SETTINGS).set_index("clip").loc[folds.index], folds)


def test_missing_actors_are_named(clips):
    with pytest.raises(ValueError, match=r"no clips of the actors \[14, 15, 16\]"):
        assign_folds(clips[~clips["actor"].isin([14, 15, 16])], "luna", SETTINGS)


@pytest.mark.parametrize(
    ("speakers", "message"), [(3, "val_speakers is 3"), (24, "val_speakers is 24; allowed: below")]
)
def test_impossible_validation_is_refused(clips, speakers, message):
    with pytest.raises(ParamsError, match=message):
        assign_folds(clips, "luna", FoldSettings(speakers, 3, 0.15, 0.15, 42))


def test_an_unknown_protocol_is_refused(clips):
    with pytest.raises(ParamsError, match="protocol is 'lunar'; allowed: luna or emobox or loso or stratified"):
        assign_folds(clips, "lunar", SETTINGS)
