"""Figures with intervals over speakers, paired tests and calibration, against cases worked out by hand."""

import numpy as np
import pytest
from sklearn import metrics

from ser.evaluation import recall, statistics
from ser.evaluation.calibration import calibration_error, coverage_curve, reliability
from ser.evaluation.temperature import fit_temperature


def random_counts(seed: int = 0, units: int = 2, speakers: int = 6, classes: int = 3, right: float = 0.6) -> np.ndarray:
    """Counts of 30 clips a speaker, of which a share is right."""
    generator = np.random.default_rng(seed)
    actual = generator.integers(classes, size=(units, speakers, 30))
    guess = np.where(generator.random(actual.shape) < right, actual, generator.integers(classes, size=actual.shape))
    unit, speaker = np.indices(actual.shape)[:2]
    return statistics.confusion_counts(unit.ravel(), speaker.ravel(), actual.ravel(), guess.ravel(), classes)


def test_counts_hold_each_clip_at_its_place():
    counts = statistics.confusion_counts(
        np.array(["b", "a", "a"]), np.array([7, 7, 3]), np.array([0, 1, 1]), np.array([1, 1, 1]), 2
    )
    assert counts.shape == (2, 2, 2, 2)
    assert counts[1, 1, 0, 1] == counts[0, 1, 1, 1] == counts[0, 0, 1, 1] == 1
    assert counts.sum() == 3


def test_measures_agree_with_scikit_learn():
    generator = np.random.default_rng(1)
    actual, guess = generator.integers(4, size=(2, 500))
    counts = metrics.confusion_matrix(actual, guess)
    assert statistics.accuracy(counts) == pytest.approx(metrics.accuracy_score(actual, guess))
    assert recall.uar(counts) == pytest.approx(metrics.balanced_accuracy_score(actual, guess))
    assert statistics.macro_f1(counts) == pytest.approx(metrics.f1_score(actual, guess, average="macro"))


def test_an_emotion_without_clips_is_left_out():
    counts = np.array([[3, 1, 0], [0, 2, 2], [0, 0, 0]])
    assert recall.uar(counts) == pytest.approx((3 / 4 + 2 / 4) / 2)
    assert statistics.macro_f1(counts) == pytest.approx((6 / 7 + 4 / 7) / 2)


def test_no_clips_at_all_give_no_figure():
    empty = np.zeros((3, 3))
    assert all(np.isnan(measure(empty)) for measure in (statistics.accuracy, recall.uar, statistics.macro_f1))


def test_the_bootstrap_of_speakers_follows_the_binomial_distribution():
    # Two of four speakers are always right: the accuracy of a sample is Binomial(4, 1/2) / 4
    counts = np.zeros((1, 4, 2, 2))
    counts[0, :2, 0, 0] = counts[0, 2:, 0, 1] = 10
    samples = statistics.resampled(counts, statistics.accuracy, resamples=40_000)
    shares = [np.mean(np.isclose(samples, k / 4)) for k in range(5)]
    assert shares == pytest.approx([1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16], abs=0.01)


def test_the_bootstrap_draws_speakers_and_not_clips():
    counts = np.zeros((1, 5, 2, 2))
    counts[0, :, 0, 0], counts[0, :, 0, 1] = 70, 30  # all speakers alike, so nothing varies between samples
    assert statistics.interval(statistics.resampled(counts, statistics.accuracy)) == pytest.approx((0.7, 0.7))


def test_the_interval_is_of_percentiles():
    assert statistics.interval(np.arange(1001) / 1000) == pytest.approx((0.025, 0.975))


def test_units_are_averaged_and_their_deviation_is_that_of_a_sample():
    counts = np.zeros((2, 3, 2, 2))
    counts[0, :, 0, 0], counts[0, :, 0, 1] = 6, 4
    counts[1, :, 0, 0], counts[1, :, 0, 1] = 8, 2
    scores = statistics.over_units(counts, statistics.accuracy)
    assert scores["mean"] == pytest.approx(0.7)
    assert scores["sd"] == pytest.approx(np.sqrt(0.02))
    assert statistics.over_units(counts[:1], statistics.accuracy)["sd"] is None


def test_the_signed_rank_test_gives_the_tabled_p():
    # All 6 differences positive: the smallest two-sided p is 2 / 2**6; one of rank 1 negative: 4 / 2**6
    assert statistics.signed_rank_p(np.array([1, 2, 3, 4, 5, 6.0])) == pytest.approx(2 / 64)
    assert statistics.signed_rank_p(np.array([-1, 2, 3, 4, 5, 6.0])) == pytest.approx(4 / 64)
    assert statistics.signed_rank_p(np.zeros(6)) == 1


def test_holm_corrects_step_by_step():
    # Sorted: 0.01 · 4, 0.02 · 3, then 0.03 · 2 raised to no less, 0.04 · 1 likewise
    assert statistics.holm(np.array([0.04, 0.01, 0.03, 0.02])) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert statistics.holm(np.array([0.6, 0.9])) == pytest.approx([1, 1])


def test_pairs_are_compared_speaker_by_speaker():
    good, poor = random_counts(right=0.9, speakers=24), random_counts(right=0.4, speakers=24)
    table = statistics.compare_pairs({"good": good, "poor": poor, "twin": good})
    pairs = table.set_index(["first", "second"])
    assert pairs.loc[("good", "poor"), "low"] > 0.2
    assert pairs.loc[("good", "poor"), "speakers_better"] == 24
    assert pairs.loc[("good", "poor"), "p"] == pytest.approx(2 / 2**24)
    assert pairs.loc[("good", "poor"), "p_holm"] == pytest.approx(3 * 2 / 2**24)
    assert pairs.loc[("good", "twin"), ["difference", "low", "high", "p"]].tolist() == [0, 0, 0, 1]
    assert pairs.loc[("poor", "twin"), "difference"] == pytest.approx(-pairs.loc[("good", "poor"), "difference"])


def test_a_speaker_that_one_split_lacks_does_not_spoil_the_comparison():
    first, second = random_counts(0), random_counts(1)
    first[0, 2] = second[0, 2] = 0
    assert statistics.compare_pairs({"first": first, "second": second}).notna().all(axis=None)


def test_the_temperature_undoes_a_scale():
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(20_000, 4)) * 2
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (chances.cumsum(axis=1) < generator.random((len(logits), 1))).sum(axis=1)
    assert fit_temperature(logits, labels) == pytest.approx(1, rel=0.05)
    assert fit_temperature(3 * logits, labels) == pytest.approx(3, rel=0.05)


def test_calibration_error_is_the_mean_gap():
    # Two clips at 0.9, one right (gap 0.4); two at 0.65, both right (gap 0.35); ten bins, 0.9 the end of the ninth
    confidence, right = np.array([0.9, 0.9, 0.65, 0.65]), np.array([True, False, True, True])
    assert calibration_error(confidence, right, bins=10) == pytest.approx(0.375)
    table = reliability(confidence, right, bins=10)
    assert table["bin"].tolist() == [7, 9]
    assert table["accuracy"].tolist() == [1, 0.5]
    assert table["clips"].tolist() == [2, 2]
    assert calibration_error(np.array([1.0, 1.0]), np.array([True, True])) == 0


def test_coverage_keeps_the_most_confident_clips():
    curve = coverage_curve(np.array([0.2, 0.9, 0.5, 0.7]), np.array([False, True, False, True]), steps=4)
    assert curve["coverage"].tolist() == [0.25, 0.5, 0.75, 1]
    assert curve["accuracy"].tolist() == pytest.approx([1, 1, 2 / 3, 1 / 2])
