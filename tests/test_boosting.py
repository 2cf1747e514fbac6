"""LightGBM on embeddings: it learns, stops, repeats itself, and draws rows and columns as told."""

import lightgbm
import numpy as np
import pytest

from ser.training.boosting import BoostingSettings, train_boosting

DIMENSIONS = 12


def settings(**changes: object) -> BoostingSettings:
    values = {"seed": 0, "threads": 1, "estimators": 30, "learning_rate": 0.2, "leaves": 7, "column_fraction": 0.7}
    values |= {"row_fraction": 0.7, "row_interval": 1, "l1": 0.1, "l2": 0.1, "patience": 10}
    return BoostingSettings(**(values | changes))


def clusters(seed: int, spread: float = 0.3, clips: int = 240) -> tuple[np.ndarray, np.ndarray]:
    """Features (clip, dim) float32 around one centre for each of eight classes, and labels (clip,)."""
    centres = np.random.default_rng(99).normal(size=(8, DIMENSIONS))
    labels = np.arange(clips) % 8
    noise = np.random.default_rng(seed).normal(0, spread, (clips, DIMENSIONS))
    return (centres[labels] + noise).astype(np.float32), labels


def train(weights: np.ndarray | None = None, spread: float = 0.3, **changes: object):
    equal = np.ones(8) if weights is None else weights
    return train_boosting(clusters(0, spread), clusters(1, spread), equal, settings(**changes))


def test_it_learns_what_can_be_told_apart():
    features, labels = clusters(2)
    probabilities = train().predict_proba(features)
    assert probabilities.shape == (240, 8)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert (probabilities.argmax(axis=1) == labels).mean() > 0.9


def test_the_same_seed_gives_the_same_text():
    assert train().booster_.model_to_string() == train().booster_.model_to_string()


def test_another_seed_gives_another_model():
    assert train().booster_.model_to_string() != train(seed=1).booster_.model_to_string()


def test_it_stops_when_validation_no_longer_improves():
    noise = train(spread=20.0, estimators=100, patience=3)
    losses = noise.evals_result_["valid_0"]["multi_logloss"]
    assert len(losses) == noise.best_iteration_ + 3 < 100
    assert min(losses) == losses[noise.best_iteration_ - 1]


def test_the_model_ends_with_its_best_tree(tmp_path):
    model = train(spread=2.0, estimators=100, patience=3)
    model.booster_.save_model(tmp_path / "lgbm.txt")
    assert 1 < model.best_iteration_ < 100
    assert (tmp_path / "lgbm.txt").read_text().count("Tree=") == 8 * model.best_iteration_
    features, _ = clusters(2)
    saved = lightgbm.Booster(model_file=tmp_path / "lgbm.txt")
    np.testing.assert_allclose(saved.predict(features), model.predict_proba(features), rtol=1e-12)


def test_rows_and_columns_are_drawn_anew():
    features, _ = clusters(2)
    everything, rows, columns, rarely = (
        train(**draws).predict_proba(features)
        for draws in (
            {"row_fraction": 1.0, "column_fraction": 1.0},
            {"row_fraction": 0.7, "column_fraction": 1.0},
            {"row_fraction": 1.0, "column_fraction": 0.7},
            {"row_fraction": 0.7, "column_fraction": 1.0, "row_interval": 5},
        )
    )
    for drawn in (rows, columns, rarely):
        assert not np.allclose(drawn, everything)
    assert not np.allclose(rows, rarely)


def test_every_setting_reaches_lightgbm():
    text = train(leaves=5, learning_rate=0.1, l1=0.25, l2=0.5, row_interval=1).booster_.model_to_string()
    for line in (
        "objective: multiclass",
        "num_leaves: 5",
        "learning_rate: 0.1",
        "lambda_l1: 0.25",
        "lambda_l2: 0.5",
        "feature_fraction: 0.7",
        "bagging_fraction: 0.7",
        "bagging_freq: 1",
        "seed: 0",
        "num_threads: 1",
        "deterministic: 1",
        "force_row_wise: 1",
    ):
        assert f"[{line}]" in text


def test_the_weight_of_a_class_pulls_probabilities_to_it():
    features, _ = clusters(2, spread=3.0)
    heavy = np.where(np.arange(8) == 5, 10.0, 1.0)
    means = [train(weights, spread=3.0).predict_proba(features)[:, 5].mean() for weights in (None, heavy)]
    assert means[1] > 2 * means[0]


def test_a_class_without_training_clips_is_named():
    features, labels = clusters(0)
    some = (features[labels != 3], labels[labels != 3])
    with pytest.raises(ValueError, match=r"training clips of every class; there are none of \[3\]"):
        train_boosting(some, clusters(1), np.ones(8), settings())
