"""Adaptation to speakers: statistics and their shrinkage by hand, draws, and what few clips, or odd ones, do."""

import numpy as np
import pytest

from ser.adaptation.draws import Condition, draw_clips, generators
from ser.adaptation.heads import LinearHead, log_softmax
from ser.adaptation.protocol import answer_draws, choose_strengths
from ser.adaptation.speakers import Normaliser, Speakers, Strengths
from ser.adaptation.voice import Voice
from ser.models.adapted import AdaptableHead, normalise_each
from ser.models.logistic import LogisticSettings

EMOTIONS, DIM = 4, 30
NEVER = 1e9  # strength of training speakers that no number of clips outweighs
EFFECTS = np.random.default_rng(0).normal(size=(EMOTIONS, DIM))


def speakers_of(count: int, seed: int, repeats: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features (2, clip, DIM) of speakers that differ in an offset, labels and speakers."""
    generator = np.random.default_rng(seed)
    labels = np.tile(np.arange(EMOTIONS), repeats * count)
    speakers = np.repeat(np.arange(count), repeats * EMOTIONS)
    offsets = 2 * generator.normal(size=(count, DIM))
    features = offsets[speakers] + EFFECTS[labels] + 1.8 * generator.normal(size=(len(labels), DIM))
    return np.stack([features, 0.9 * features]).astype(np.float32), labels, speakers


@pytest.fixture(scope="module")
def head() -> AdaptableHead:
    return AdaptableHead.train(*speakers_of(12, seed=1), LogisticSettings(0.1, 500))


@pytest.fixture(scope="module")
def asked(head):
    return head.ask(*speakers_of(40, seed=2))


def accuracies(logs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the share of clips that are right: of (condition, repeat, clip, emotions), by condition."""
    return (logs.argmax(axis=-1) == labels).mean(axis=(1, 2))


def hand_made(mean: float = 10.0, variance: float = 4.0) -> Speakers:
    """Training speakers of one feature."""
    return Speakers(np.full((1, 1), mean), np.full((1, 1), variance))


def voice_of(*values: float) -> Voice:
    return Voice.of(np.array(values, dtype=np.float32).reshape(1, -1, 1))


def test_voice_is_the_same_whether_clips_come_together_or_one_by_one():
    features, _, _ = speakers_of(1, seed=3)
    whole, grown = Voice.of(features), Voice.unheard(2, DIM)
    for first in range(0, features.shape[1], 5):
        grown = grown.joined(Voice.of(features[:, first : first + 5]))
    for name in ("clips", "mean", "squares"):
        np.testing.assert_allclose(getattr(grown, name), getattr(whole, name), rtol=1e-4)
    nothing = Voice.unheard(2, DIM).joined(Voice.of(features[:, :0]))
    assert nothing.clips == 0
    assert not nothing.mean.any()


def test_windows_that_overlap_count_as_parts_of_a_clip():
    features, _, _ = speakers_of(1, seed=9)
    once, halves = Voice.of(features), Voice.of(np.repeat(features, 2, axis=1), np.full(2 * features.shape[1], 0.5))
    for name in ("clips", "mean", "squares"):
        np.testing.assert_allclose(getattr(halves, name), getattr(once, name), rtol=1e-5)


def test_mean_is_shrunk_by_n_over_n_plus_strength():
    for count, expected in ((0, 10.0), (1, 12.0), (2, 13.0), (6, 14.5)):
        found = hand_made(mean=10.0).normaliser(voice_of(*[16.0] * count), Strengths(mean=2.0, deviation=NEVER))
        assert found.mean.item() == pytest.approx(expected)
        assert found.deviation.item() == pytest.approx(2.0)


def test_deviation_is_shrunk_by_degrees_of_freedom():
    known, strengths = hand_made(variance=4.0), Strengths(mean=2.0, deviation=3.0)
    assert known.normaliser(voice_of(12.0), strengths).deviation.item() == pytest.approx(2.0), "one clip has none"
    # squares 8 + 8 at one degree of freedom: (16 + 3 · 4) / (1 + 3) = 7
    two = known.normaliser(voice_of(8.0, 8.0 + 32**0.5), strengths)
    assert two.deviation.item() == pytest.approx(7**0.5, rel=1e-5)


def test_constant_feature_and_single_clip_give_finite_numbers():
    found = hand_made(variance=0.0).normaliser(voice_of(10.0), Strengths(0.0, 0.0))
    assert np.isfinite(found.mean).all()
    assert (found.deviation > 0).all()


def test_training_speakers_count_alike_whatever_their_number_of_clips():
    features, _, speakers = speakers_of(5, seed=4)
    kept = np.flatnonzero((speakers > 0) | (np.arange(len(speakers)) < 3))
    known = Speakers.fit(features[:, kept], speakers[kept])
    means = np.stack([features[:, kept][:, speakers[kept] == one].mean(axis=1) for one in range(5)])
    np.testing.assert_allclose(known.mean, means.mean(axis=0), rtol=1e-4, atol=1e-4)
    centred = features[:, kept] - means[speakers[kept]].swapaxes(0, 1)
    np.testing.assert_allclose(known.variance, np.square(centred).mean(axis=1), rtol=1e-4)


def test_each_speaker_is_normalised_and_a_constant_feature_stays_finite():
    features, _, speakers = speakers_of(3, seed=5)
    features[..., 0] = 1.0
    found = normalise_each(features, speakers)
    for speaker in range(3):
        own = found[:, speakers == speaker]
        np.testing.assert_allclose(own.mean(axis=1), 0, atol=1e-5)
        np.testing.assert_allclose(own[..., 1:].std(axis=1), 1, atol=1e-4)
    assert (found[..., 0] == 0).all()


def test_linear_head_on_normalised_features_equals_normalising_first():
    generator = np.random.default_rng(6)
    head = LinearHead(generator.normal(size=(EMOTIONS, DIM)), generator.normal(size=EMOTIONS))
    features, normaliser = generator.normal(size=(2, 7, DIM)), Normaliser(*generator.uniform(1, 2, size=(2, 2, DIM)))
    expected = log_softmax(log_softmax(normaliser(features) @ head.weight.T + head.bias).mean(axis=0))
    np.testing.assert_allclose(head.logs(features, normaliser), expected)


def test_draws_have_their_number_of_clips_and_hold_one_another():
    labels = np.repeat(np.arange(EMOTIONS), 8)
    for same in zip(*(generators(seed=1, speaker=2, repeats=3) for _ in range(3)), strict=True):
        few, more, everything = (
            draw_clips(labels, Condition(count), one) for count, one in zip((2, 8, 99), same, strict=True)
        )
        assert [len({*few}), len({*more}), len({*everything})] == [2, 8, 32]
        assert {*few} < {*more} < {*everything}


def test_one_emotion_dominates_a_draw():
    labels = np.repeat(np.arange(EMOTIONS), (4, 8, 8, 8))
    for generator in generators(seed=1, speaker=2, repeats=20):
        drawn = labels[draw_clips(labels, Condition(8, dominated=True), generator)]
        assert len(drawn) == 8
        assert sorted(np.bincount(drawn))[-1] == 6
        assert np.bincount(drawn, minlength=EMOTIONS)[0] <= 2, "the first emotion has too few clips to dominate"
    with pytest.raises(ValueError, match="9 clips of one emotion are to be drawn, but there are at most 8 of one"):
        draw_clips(labels, Condition(12, dominated=True), generator)


def test_few_clips_never_hurt_and_many_help(head, asked):
    conditions = [*map(Condition, (0, 1, 2, 4, 8, 24)), *(Condition(count, dominated=True) for count in (2, 4, 8))]
    grid = [Strengths(mean, 16.0) for mean in (0.0, 2.0, 8.0)]
    validation = head.ask(*speakers_of(6, seed=7))
    strengths = choose_strengths(validation, head.speakers, grid, conditions, 2, seed=1)
    found = accuracies(answer_draws(asked, head.speakers, strengths, conditions, 3, seed=1), asked.labels)
    assert (found >= found[0] - 0.005).all()
    assert found[5] > found[0] + 0.1
    assert strengths[24].mean <= strengths[1].mean
    unshrunk = dict.fromkeys(strengths, Strengths(0.0, NEVER))
    bare = accuracies(answer_draws(asked, head.speakers, unshrunk, conditions, 3, seed=1), asked.labels)
    assert bare[1] < found[0] - 0.05, "one clip without shrinkage hurts, or this tests nothing"


def test_speakers_with_one_emotion_each_are_a_trap(head):
    features, labels, speakers = speakers_of(40, seed=8)
    one_each = labels == speakers % EMOTIONS
    trapped = head.ask(features[:, one_each], labels[one_each], speakers[one_each])
    strengths = dict.fromkeys((0, 99), Strengths(1.0, NEVER))
    logs = answer_draws(trapped, head.speakers, strengths, [Condition(0), Condition(99)], 1, seed=1)
    before, after = accuracies(logs, trapped.labels)
    assert after < before - 0.2


def test_answers_do_not_depend_on_labels_where_draws_do_not(head, asked):
    shuffled = np.random.default_rng(0).permutation(asked.labels)
    other = head.ask(asked.features, shuffled, asked.speakers)
    conditions, strengths = [Condition(0), Condition(4), Condition(24)], dict.fromkeys((0, 4, 24), Strengths(2.0, 16.0))
    answers = (answer_draws(one, head.speakers, strengths, conditions, 2, seed=1) for one in (asked, other))
    np.testing.assert_array_equal(*answers)
