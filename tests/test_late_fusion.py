"""Late fusion: weights come from validation clips, and members must have the same runs and clips."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import log_softmax

from ser.corpora.emotions import EMOTIONS
from ser.evaluation.fused_runs import beside_each_other, runs_of
from ser.evaluation.late_fusion import fit_weights
from ser.evaluation.runs import read_runs
from studies.comparison.fuse_models import fuse
from studies.run import Run
from tests.test_crossval import finish, project, table  # noqa: F401  (fixtures)


def member(labels: np.ndarray, strength: float, seed: int) -> np.ndarray:
    """Log-probabilities (clip, emotions) that know the label as well as `strength` says."""
    noise = np.random.default_rng(seed).normal(size=(len(labels), len(EMOTIONS)))
    return log_softmax(noise + strength * np.eye(len(EMOTIONS))[labels], axis=1)


def test_the_weights_follow_what_each_member_knows():
    labels = np.arange(400) % 8
    good, same, rubbish = (member(labels, strength, seed) for seed, strength in enumerate((3.0, 3.0, 0.0)))
    even = fit_weights(np.stack([good, same]), labels)
    assert even[0] == pytest.approx(even[1], rel=0.25)
    weights = fit_weights(np.stack([good, rubbish]), labels)
    assert weights[0] > 0.5 and 0 <= weights[1] < 0.1 * weights[0]
    # A member that is twice as sure gets half the weight: the weights set the temperature
    assert fit_weights(2 * good[None], labels)[0] == pytest.approx(fit_weights(good[None], labels)[0] / 2, rel=0.01)


def test_members_with_one_seed_stand_beside_every_seed_and_missing_runs_are_listed():
    def runs(*pairs: tuple[int, int]) -> pd.DataFrame:
        return pd.DataFrame(pairs, columns=["fold", "seed"])

    several, one = runs((1, 1), (2, 1), (1, 2), (2, 2)), runs((1, 1), (2, 1))
    assert runs_of({"a": one, "b": several}) == [(1, 1), (1, 2), (2, 1), (2, 2)]
    with pytest.raises(ValueError, match=r"a lacks \[2\]; b lacks \[\(2, 1\), \(2, 2\)\]"):
        runs_of({"a": runs((1, 1)), "b": runs((1, 1), (1, 2)), "c": several})


def test_clips_are_put_in_one_order_and_strangers_are_named():
    first = pd.DataFrame(
        {"clip": ["a", "b"], "split": "val", "emotion": "sad"} | {emotion: [0.1, 0.2] for emotion in EMOTIONS}
    )
    clips, logs = beside_each_other({"x": first, "y": first.iloc[::-1]})
    assert clips["clip"].tolist() == ["a", "b"]
    np.testing.assert_array_equal(logs[0], logs[1])
    with pytest.raises(ValueError, match=r"\['y'\] have other clips than 'x'"):
        beside_each_other({"x": first, "y": first.assign(clip=["a", "c"])})


def test_fused_runs_join_the_others_and_keep_their_weights(project):  # noqa: F811
    for fold in range(1, 6):
        finish(Run("luna", fold, 1), "alone", 0.5)
        for seed in (1, 2):
            finish(Run("luna", fold, seed), "several", 0.7)
    fuse("luna", ["alone", "several"])
    fused = read_runs(Path("studies/comparison/runs/luna/fused"))
    assert sorted(set(zip(fused["fold"], fused["seed"], strict=True))) == [(f, s) for f in range(1, 6) for s in (1, 2)]
    facts = json.loads(Path("studies/comparison/runs/luna/fused/3-2.json").read_text())
    assert facts["weights"].keys() == {"alone", "several"}
    assert facts["weights"]["several"] > facts["weights"]["alone"] > 0
    assert facts["temperature"] == pytest.approx(1, abs=0.02)
    assert facts["test_uar"] > 0.6


def test_a_member_without_runs_is_named(project):  # noqa: F811
    finish(Run("luna", 1, 1), "alone", 0.5)
    with pytest.raises(
        ValueError, match=r"comparison/params\.yaml: fusion\.members: no runs of \['absent'\] under luna; .*\['alone'\]"
    ):
        fuse("luna", ["alone", "absent"])
