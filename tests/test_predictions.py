"""The prediction schema: what goes in comes out, and what breaks it is named."""

import numpy as np
import pandas as pd
import pytest

from ser.corpora.emotions import EMOTIONS
from ser.evaluation.predictions import PredictionsError, check_predictions, read_predictions, write_predictions


@pytest.fixture
def clips():
    return pd.DataFrame(
        {
            "clip": ["a", "b", "c"],
            "split": ["train", "val", "test"],
            "emotion": ["calm", "sad", "happy"],
            "actor": [1, 2, 3],
        }
    )


@pytest.fixture
def probabilities():
    return np.random.default_rng(0).dirichlet(np.ones(8), size=3).astype(np.float32)


@pytest.fixture
def table(clips, probabilities, tmp_path):
    write_predictions(clips, probabilities, tmp_path / "model.csv")
    return read_predictions(tmp_path / "model.csv")


def test_round_trip_keeps_clips_and_six_decimals(table, clips, probabilities):
    assert list(table.columns) == ["clip", "split", "emotion", *EMOTIONS]
    pd.testing.assert_frame_equal(table[["clip", "split", "emotion"]], clips[["clip", "split", "emotion"]])
    np.testing.assert_allclose(table[list(EMOTIONS)], probabilities, atol=1e-6)


def test_rows_follow_the_table_whatever_its_index(clips, probabilities, tmp_path):
    write_predictions(clips.set_index(pd.Index([7, 5, 3])), probabilities, tmp_path / "model.csv")
    table = read_predictions(tmp_path / "model.csv")
    np.testing.assert_allclose(table[list(EMOTIONS)], probabilities, atol=1e-6)


def test_numeric_looking_clip_names_stay_text(clips, probabilities, tmp_path):
    write_predictions(clips.assign(clip=["01", "02", "03"]), probabilities, tmp_path / "model.csv")
    assert list(read_predictions(tmp_path / "model.csv")["clip"]) == ["01", "02", "03"]


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("calm", 0.9, "probabilities do not sum to 1: b"),
        ("calm", np.nan, "probability missing or infinite: b"),
        ("calm", np.inf, "probability missing or infinite: b"),
        ("calm", -0.1, "probability outside 0 to 1: b"),
        ("calm", "high", "probabilities are not numbers"),
        ("emotion", "joy", "emotion is none of .*: b"),
        ("split", "dev", "split is none of .*: b"),
        ("clip", "a", "clip named twice: a"),
        ("clip", None, "no clip name"),
    ],
)
def test_breach_is_named_with_its_clip(table, column, value, message):
    table[column] = table[column].astype(object)
    table.loc[1, column] = value
    with pytest.raises(PredictionsError, match=message) as error:
        check_predictions(table, "data/predictions/cnn.csv")
    assert str(error.value).startswith("data/predictions/cnn.csv: ")


def test_every_breach_is_listed_at_once(table):
    table.loc[0, "emotion"] = "joy"
    table.loc[2, "split"] = "dev"
    with pytest.raises(PredictionsError, match=r"(?s)split.*: c\n.*emotion.*: a"):
        check_predictions(table, "x")


def test_missing_column_names_file_and_column(table, tmp_path):
    table.drop(columns="disgust").to_csv(tmp_path / "model.csv", index=False)
    with pytest.raises(ValueError, match=r"model.csv: lacks the columns \['disgust'\]"):
        read_predictions(tmp_path / "model.csv")


def test_columns_out_of_order_are_refused(table):
    with pytest.raises(PredictionsError, match="expected the columns"):
        check_predictions(table[["clip", "split", "emotion", *reversed(EMOTIONS)]], "x")


def test_empty_table_is_refused(table):
    with pytest.raises(PredictionsError, match="no rows"):
        check_predictions(table.head(0), "x")


def test_bad_predictions_are_not_written(clips, probabilities, tmp_path):
    with pytest.raises(PredictionsError, match="do not sum to 1: a, b, c"):
        write_predictions(clips, probabilities * 1.1, tmp_path / "model.csv")
    with pytest.raises(PredictionsError, match=r"expected probabilities \(3, 8\), found \(2, 8\)"):
        write_predictions(clips, probabilities[:2], tmp_path / "model.csv")
    assert list(tmp_path.iterdir()) == []
