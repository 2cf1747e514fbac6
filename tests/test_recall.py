"""UAR is computed in one place; it is scikit-learn's balanced accuracy, and recall of a class without clips is none."""

import numpy as np
import pytest
from sklearn.metrics import recall_score

from ser.evaluation.recall import count_clips, recalls, uar


@pytest.mark.parametrize("seed", range(5))
def test_uar_is_that_of_scikit_learn(seed):
    generator = np.random.default_rng(seed)
    actual, predicted = generator.integers(8, size=(2, 50))
    expected = recall_score(actual, predicted, average="macro", labels=np.unique(actual), zero_division=0)
    assert uar(count_clips(actual, predicted, 8)) == pytest.approx(expected, abs=1e-12)


def test_a_class_without_clips_has_no_recall_and_is_left_out_of_the_mean():
    counts = count_clips(np.array([0, 0, 2]), np.array([0, 1, 2]), 3)
    np.testing.assert_array_equal(recalls(counts), [0.5, np.nan, 1.0])
    assert uar(counts) == 0.75


def test_counts_of_several_units_have_a_uar_each():
    counts = np.stack([np.eye(3), np.ones((3, 3))])
    np.testing.assert_allclose(uar(counts), [1, 1 / 3])
