"""Adaptation to speakers: statistics and their shrinkage by hand, draws, and what few clips, or odd ones, do."""

import dataclasses
import json

import numpy as np
import pytest

from ser.adaptation.adapter import Adapter
from ser.adaptation.draws import Condition, draw_clips, generators
from ser.adaptation.heads import LinearHead, log_softmax
from ser.adaptation.keeping import read_voices, voices_text
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
    return AdaptableHead.train(*speakers_of(12, seed=1), EMOTIONS, LogisticSettings(0.1, 500))


@pytest.fixture(scope="module")
def asked(head):
    return head.ask(*speakers_of(40, seed=2))


def accuracies(logs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the share of clips that are right: of (condition, repeat, clip, emotions), by condition."""
    return (logs.argmax(axis=-1) == labels).mean(axis=(1, 2))


def hand_made(mean: float = 10.0, variance: float = 4.0) -> Speakers:
    """Training speakers of one feature whose two emotions lie 1 below and 1 above a speaker's mean, equally often."""
    offsets = np.array([-1.0, 1.0]).reshape(2, 1, 1)
    return Speakers(np.full((1, 1), mean), np.full((1, 1), variance), offsets, np.array([0.5, 0.5]))


def voice_of(values: list[float], probabilities: list[list[float]]) -> Voice:
    return Voice.of(np.array(values, dtype=np.float32).reshape(1, -1, 1), np.array(probabilities))


EVEN = [0.5, 0.5]


def test_voice_is_the_same_whether_clips_come_together_or_one_by_one():
    features, labels, _ = speakers_of(1, seed=3)
    probabilities = np.eye(EMOTIONS)[labels]
    whole, grown = Voice.of(features, probabilities), Voice.unheard(2, DIM, EMOTIONS)
    for first in range(0, len(labels), 5):
        chosen = slice(first, first + 5)
        grown = grown.joined(Voice.of(features[:, chosen], probabilities[chosen]))
    assert grown.clips == whole.clips == len(labels)
    for name in ("mean", "squares", "shares"):
        np.testing.assert_allclose(getattr(grown, name), getattr(whole, name), rtol=1e-5)


def test_mean_is_shrunk_by_n_over_n_plus_strength():
    strengths = Strengths(mean=2.0, deviation=NEVER, shares=NEVER)
    known = hand_made(mean=10.0)
    for count, expected in ((0, 10.0), (1, 12.0), (2, 13.0), (6, 14.5)):
        voice = voice_of([16.0] * count, [EVEN] * count) if count else Voice.unheard(1, 1, 2)
        assert known.normaliser(voice, strengths).mean.item() == pytest.approx(expected)


def test_deviation_is_shrunk_by_degrees_of_freedom():
    known, strengths = hand_made(variance=4.0), Strengths(mean=2.0, deviation=3.0, shares=NEVER)
    one = known.normaliser(voice_of([12.0], [EVEN]), strengths)
    assert one.deviation.item() == pytest.approx(2.0), "one clip has no deviation of its own"
    # squares 8 + 8 = 16, at one degree of freedom: (16 / 4 + 3) / (1 + 3) = 1.75 of the variance
    two = known.normaliser(voice_of([8.0, 13.656854], [EVEN] * 2), strengths)
    assert two.deviation.item() == pytest.approx(np.sqrt(1.75 * 4.0), rel=1e-5)


def test_shares_of_emotions_are_taken_out_of_the_mean_and_the_variance():
    known = hand_made(mean=10.0, variance=4.0)
    one_emotion = voice_of([15.0, 15.0], [[0.0, 1.0]] * 2)
    aware = known.normaliser(one_emotion, Strengths(0.0, NEVER, 0.0))
    assert aware.mean.item() == pytest.approx(14.0), "the emotion lies 1 above its speaker's mean"
    blind = known.normaliser(one_emotion, Strengths(0.0, NEVER, NEVER))
    assert blind.mean.item() == pytest.approx(15.0)
    # within one emotion the variance is 4 - 1 = 3; clips with just that are as training speakers are
    spread = voice_of([15.0 - np.sqrt(1.5), 15.0 + np.sqrt(1.5)], [[0.0, 1.0]] * 2)
    assert known.normaliser(spread, Strengths(0.0, 0.0, 0.0)).deviation.item() == pytest.approx(2.0, rel=1e-5)


def test_constant_feature_and_single_clip_give_finite_numbers():
    known = hand_made(variance=0.0)
    found = known.normaliser(voice_of([10.0], [EVEN]), Strengths(0.0, 0.0, 0.0))
    assert np.isfinite(found.mean).all()
    assert (found.deviation > 0).all()


def test_training_speakers_are_measured():
    features, labels, speakers = speakers_of(5, seed=4)
    known = Speakers.fit(features, labels, speakers, EMOTIONS)
    means = np.stack([features[:, speakers == one].mean(axis=1) for one in range(5)])
    np.testing.assert_allclose(known.mean, means.mean(axis=0), rtol=1e-4, atol=1e-4)
    centred = features[0] - means[speakers, 0]
    np.testing.assert_allclose(known.offsets[2, 0], centred[labels == 2].mean(axis=0), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(np.tensordot(known.shares, known.offsets, axes=1), 0, atol=1e-5)


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
    for generators_ in zip(*(generators(seed=1, speaker=2, repeats=3) for _ in range(3)), strict=True):
        few, more, everything = (
            draw_clips(labels, Condition(count), one) for count, one in zip((2, 8, 99), generators_, strict=True)
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
    grid = [Strengths(mean, 16.0, shares) for mean in (0.0, 2.0) for shares in (2.0, NEVER)]
    validation = head.ask(*speakers_of(6, seed=7))
    strengths = choose_strengths(validation, head.speakers, grid, conditions, 2, seed=1)
    found = accuracies(answer_draws(asked, head.speakers, strengths, conditions, 3, seed=1), asked.labels)
    assert (found >= found[0] - 0.005).all()
    assert found[5] > found[0] + 0.1
    unshrunk = Strengths(0.0, NEVER, NEVER)
    bare = accuracies(answer_draws(asked, head.speakers, unshrunk, conditions, 3, seed=1), asked.labels)
    assert bare[1] < found[0] - 0.05, "one clip without shrinkage hurts, or this tests nothing"


def test_speakers_with_one_emotion_each_are_a_trap_that_shares_soften(head):
    features, labels, speakers = speakers_of(40, seed=8)
    one_each = labels == speakers % EMOTIONS
    trapped = head.ask(features[:, one_each], labels[one_each], speakers[one_each])
    everything = [Condition(0), Condition(99)]
    blind, aware = (
        accuracies(
            answer_draws(trapped, head.speakers, Strengths(1.0, NEVER, shares), everything, 1, 1), labels[one_each]
        )
        for shares in (NEVER, 0.0)
    )
    assert blind[1] < blind[0] - 0.2
    assert aware[1] > blind[1] + 0.2


def test_answers_do_not_depend_on_labels_where_draws_do_not(head, asked):
    shuffled = np.random.default_rng(0).permutation(asked.labels)
    other = head.ask(asked.features, shuffled, asked.speakers)
    conditions, strengths = [Condition(0), Condition(4), Condition(24)], Strengths(2.0, 16.0, 2.0)
    answers = (answer_draws(one, head.speakers, strengths, conditions, 2, seed=1) for one in (asked, other))
    np.testing.assert_array_equal(*answers)


def test_windows_that_overlap_count_as_parts_of_a_clip():
    features, labels, _ = speakers_of(1, seed=9)
    probabilities = np.eye(EMOTIONS)[labels]
    once = Voice.of(features, probabilities)
    halves = Voice.of(
        np.repeat(features, 2, axis=1), np.repeat(probabilities, 2, axis=0), np.full(2 * len(labels), 0.5)
    )
    for name in ("clips", "mean", "squares", "shares"):
        np.testing.assert_allclose(getattr(halves, name), getattr(once, name), rtol=1e-5)


@pytest.fixture
def adapter(head) -> Adapter:
    """Adapts by logits, as a released model does."""
    features, labels, speakers = speakers_of(12, seed=1)
    logits = logits_of(head, features)
    known = Speakers.fit(logits, labels, speakers, EMOTIONS)
    weights = np.array([[1.0, 0.0], [0.8, 0.2], [0.2, 0.8]])
    return Adapter(head.normalised.bias, known, Strengths(2.0, NEVER, 2.0), np.array([0, 4, 24]), weights)


def logits_of(head: AdaptableHead, features: np.ndarray) -> np.ndarray:
    """(copies, clip, emotions) of the head for centred speakers, without its bias."""
    return features / np.sqrt(head.speakers.variance[:, None]) @ head.normalised.weight.T


def test_adapter_without_clips_answers_as_before(adapter, asked, head):
    logits = logits_of(head, asked.features)
    np.testing.assert_allclose(adapter.answer(adapter.unheard, asked.plain, logits), asked.plain)


def test_adapter_helps_and_goes_on_from_a_kept_file(adapter, asked, head, tmp_path):
    logits, right, path = logits_of(head, asked.features), [], tmp_path / "voices.json"
    for speaker in range(40):
        rows = np.flatnonzero(asked.speakers == speaker)
        first, then = rows[:10], rows[10:]
        voice = adapter.listen(adapter.unheard, asked.plain[first], logits[:, first], np.ones(len(first)))
        path.write_text(voices_text({"someone": voice}, "abc"), encoding="utf-8")
        kept = read_voices(path, "abc", adapter.unheard)["someone"]
        voice = adapter.listen(kept, asked.plain[then], logits[:, then], np.ones(len(then)))
        assert voice.clips == len(rows)
        right.append(adapter.answer(voice, asked.plain[rows], logits[:, rows]).argmax(axis=1) == asked.labels[rows])
    assert np.mean(right) > (asked.plain.argmax(axis=1) == asked.labels).mean() + 0.05


def test_adapter_is_read_as_it_was_written(adapter):
    again = Adapter.read(json.loads(json.dumps(adapter.written())))
    np.testing.assert_array_equal(again.weights, adapter.weights)
    np.testing.assert_array_equal(again.speakers.offsets, adapter.speakers.offsets)
    assert again.strengths == adapter.strengths


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing", "no file of voices"),
        ("[]", "no file of voices"),
        ('{"revision": "abc", "voices": {"a": {"clips": 1}}}', r"expected \['clips', 'mean', 'shares', 'squares'\]"),
        (voices_text({"a": Voice.unheard(2, 3, 4)}, "other"), "voices of another model .other; this one is abc"),
        (voices_text({"a": Voice.unheard(1, 3, 4)}, "abc"), "the numbers of a cannot be"),
        (
            voices_text({"a": dataclasses.replace(Voice.unheard(2, 3, 4), clips=-1)}, "abc"),
            "the numbers of a cannot be",
        ),
    ],
)
def test_damaged_files_of_voices_are_named(tmp_path, text, message):
    path = tmp_path / "voices.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=f"voices.json: .*{message}"):
        read_voices(path, "abc", Voice.unheard(2, 3, 4))
