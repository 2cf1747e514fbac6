"""Figures of merit against scikit-learn and against counting by hand."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from ser.corpora.emotions import EMOTIONS
from ser.evaluation import scoring


def predictions(actual, guesses, sure=0.65):
    """A prediction table in which each guess gets `sure` and every other emotion an equal rest."""
    probabilities = np.full((len(actual), len(EMOTIONS)), (1 - sure) / (len(EMOTIONS) - 1))
    for row, guess in zip(probabilities, guesses, strict=True):
        row[EMOTIONS.index(guess)] = sure
    table = pd.DataFrame({"clip": [str(row) for row in range(len(actual))], "split": "test", "emotion": actual})
    table[list(EMOTIONS)] = probabilities
    return table


@pytest.fixture
def three_emotions():
    """Three emotions have clips, one of them (sad) is never predicted, and one guess (angry) has no clips."""
    actual = ["calm", "calm", "calm", "calm", "happy", "happy", "sad", "sad"]
    return predictions(actual, ["calm", "calm", "calm", "happy", "happy", "angry", "calm", "happy"])


@pytest.fixture
def random_table():
    generator = np.random.default_rng(3)
    table = predictions(generator.choice(EMOTIONS, 400), generator.choice(EMOTIONS, 400))
    table[list(EMOTIONS)] = generator.dirichlet(np.ones(8), size=400).round(2)  # rounded, so that ties occur
    return table


def test_headline_by_hand(three_emotions):
    scores = scoring.headline(three_emotions)
    assert scores["accuracy"] == pytest.approx(4 / 8)
    assert scores["uar"] == pytest.approx((3 / 4 + 1 / 2 + 0) / 3)
    # calm: precision 3/4, recall 3/4; happy: precision 1/3, recall 1/2; sad: never predicted
    assert scores["macro_f1"] == pytest.approx((3 / 4 + 2 / 5 + 0) / 3)


def test_group_scores_by_hand(three_emotions):
    groups = scoring.group_scores({"all": three_emotions, "none": three_emotions.head(0)}).set_index("group")
    assert list(groups["clips"]) == [8, 0]
    assert groups.loc["all", "uar"] == pytest.approx((3 / 4 + 1 / 2 + 0) / 3)
    interval = groups.loc["all", ["accuracy", "accuracy_low", "accuracy_high"]]
    assert interval.tolist() == pytest.approx([4 / 8, *scoring.wilson_interval(4, 8)])
    assert groups.loc["none"].drop("clips").isna().all()


def test_class_scores_by_hand(three_emotions):
    classes = scoring.class_scores(three_emotions).set_index("emotion")
    assert list(classes.index) == ["calm", "happy", "sad"]
    assert list(classes["precision"]) == pytest.approx([3 / 4, 1 / 3, 0])
    assert list(classes["recall"]) == pytest.approx([3 / 4, 1 / 2, 0])
    assert list(classes["f1"]) == pytest.approx([3 / 4, 2 / 5, 0])
    assert list(classes["support"]) == [4, 2, 2]
    # calm: 3 of 4 clips and 1 of 4 others get the high score, the rest tie: (3/4)(3/4) + half of the tied pairs
    assert classes.loc["calm", "roc_auc"] == pytest.approx(9 / 16 + (3 / 4 * 1 / 4 + 1 / 4 * 3 / 4) / 2)
    assert np.isfinite(classes.to_numpy(dtype=float)).all()


def test_scores_agree_with_scikit_learn(random_table):
    actual, guess = random_table["emotion"], scoring.predicted(random_table)
    scores, probabilities = scoring.headline(random_table), random_table[sorted(EMOTIONS)].to_numpy()
    probabilities = probabilities / probabilities.sum(axis=1, keepdims=True)
    assert scores["accuracy"] == pytest.approx(metrics.accuracy_score(actual, guess))
    assert scores["uar"] == pytest.approx(metrics.balanced_accuracy_score(actual, guess))
    assert scores["macro_f1"] == pytest.approx(metrics.f1_score(actual, guess, average="macro"))
    expected = metrics.roc_auc_score(actual, probabilities, multi_class="ovr", average="macro")
    assert scores["roc_auc"] == pytest.approx(expected, abs=2e-3)  # which normalises the rounded probabilities


def test_equal_probabilities_go_to_the_first_emotion():
    table = predictions(["sad"], ["sad"])
    table[list(EMOTIONS)] = 1 / 8
    assert list(scoring.predicted(table)) == ["neutral"]


def test_wilson_interval_by_hand():
    # Wilson 1927: centre (p + z²/2n) / (1 + z²/n), half width z / (1 + z²/n) · √(p(1 − p)/n + z²/4n²)
    z, n, p = 1.959963985, 216, 121 / 216
    centre, half = (p + z**2 / (2 * n)), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    expected = [(centre - half) / (1 + z**2 / n), (centre + half) / (1 + z**2 / n)]
    assert scoring.wilson_interval(121, 216) == pytest.approx(expected)


def test_wilson_interval_stays_within_0_and_1():
    assert scoring.wilson_interval(0, 5) == pytest.approx((0, 0.4345), abs=1e-4)
    assert scoring.wilson_interval(5, 5) == pytest.approx((0.5655, 1), abs=1e-4)


def test_single_emotion_has_accuracy_but_no_roc():
    table = predictions(["calm", "calm"], ["calm", "sad"])
    scores = scoring.headline(table)
    assert (scores["accuracy"], scores["uar"], scores["roc_auc"]) == (0.5, 0.5, None)
    curves = scoring.roc_curves(table)
    assert list(curves.columns) == ["emotion", "fpr", "tpr"]
    assert curves.empty
    assert scoring.macro_roc(curves).empty


def test_no_clips_have_no_scores(three_emotions):
    assert scoring.accuracy_and_uar(three_emotions.head(0)) == {"accuracy": None, "uar": None}


def test_roc_curves_cover_the_emotions_present_from_corner_to_corner(random_table, three_emotions):
    assert list(scoring.roc_curves(random_table)["emotion"].unique()) == list(EMOTIONS)
    curves = scoring.roc_curves(three_emotions)
    assert list(curves["emotion"].unique()) == ["calm", "happy", "sad"]
    for _, curve in curves.groupby("emotion"):
        assert tuple(curve.iloc[0][["fpr", "tpr"]]) == (0, 0)
        assert tuple(curve.iloc[-1][["fpr", "tpr"]]) == (1, 1)


def test_macro_roc_of_perfect_classifier_is_the_corner():
    table = predictions(list(EMOTIONS) * 3, list(EMOTIONS) * 3)
    macro = scoring.macro_roc(scoring.roc_curves(table))
    assert metrics.auc(macro["fpr"], macro["tpr"]) == 1
    assert macro.to_numpy().tolist() == [[0, 0], [0, 1], [1, 1]]


def test_macro_roc_of_constant_classifier_is_the_diagonal():
    table = predictions(list(EMOTIONS) * 3, list(EMOTIONS) * 3)
    table[list(EMOTIONS)] = 1 / 8
    assert scoring.macro_roc(scoring.roc_curves(table)).to_numpy().tolist() == [[0, 0], [1, 1]]


@pytest.mark.parametrize("name", ["random_table", "three_emotions"])
def test_area_under_macro_roc_is_the_mean_of_the_areas(name, request):
    table = request.getfixturevalue(name)
    macro = scoring.macro_roc(scoring.roc_curves(table))
    assert (np.diff(macro["fpr"]) >= 0).all()
    assert (np.diff(macro["tpr"]) >= -1e-12).all()
    assert metrics.auc(macro["fpr"], macro["tpr"]) == pytest.approx(scoring.headline(table)["roc_auc"])


def test_random_probabilities_are_near_chance():
    generator = np.random.default_rng(0)
    table = predictions(list(EMOTIONS) * 100, list(EMOTIONS) * 100)
    table[list(EMOTIONS)] = generator.dirichlet(np.ones(8), size=800)
    scores = scoring.headline(table)
    assert scores["roc_auc"] == pytest.approx(0.5, abs=0.03)
    group = scoring.group_scores({"all": table}).loc[0]
    assert group["accuracy_low"] < 1 / 8 < group["accuracy_high"]
