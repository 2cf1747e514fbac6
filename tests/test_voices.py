"""The project of voices: who is fitted on whom, pooled answers, scores, CompactNet's centred input, the trap."""

import sys

import numpy as np
import pandas as pd
import pytest

from scripts.demo import ROOT
from ser.adaptation.draws import Condition
from ser.adaptation.heads import log_softmax
from ser.adaptation.protocol import answer_draws
from ser.adaptation.speakers import Normaliser, Speakers, Strengths
from ser.adaptation.voice import Voice
from ser.corpora.emotions import EMOTIONS
from ser.evaluation.adapted import DrawSettings, StrengthSettings, fit_adapter
from ser.evaluation.plotting import save_figure
from ser.models.adapted import AdaptableHead
from ser.models.logistic import LogisticSettings
from ser.storage.params import ParamsError, build, read_params
from studies.outside.voices import answers, score, settings, trap
from studies.outside.voices.adapt_run import ask_run
from studies.outside.voices.answers import Answers, answer_parts, read_answers, write_answers
from studies.outside.voices.curve_figure import draw_curves
from studies.outside.voices.extract_functionals import describe
from studies.outside.voices.pooling import pool_members

SPLITS = ("train", "train", "train", "val", "test", "test")  # of each speaker
CLIPS_EACH, DIM = 16, 12
DRAWS = DrawSettings(seed=1, counts=(0, 2, 16), dominated=(2,), repeats=3, validation_repeats=2)
GRID = StrengthSettings((1.0, 4.0), (16.0,)).grid


@pytest.fixture
def clips() -> pd.DataFrame:
    """Six speakers, two clips of each emotion."""
    actors = np.repeat(np.arange(1, len(SPLITS) + 1), CLIPS_EACH)
    return pd.DataFrame(
        {
            "clip": [f"c{index}" for index in range(len(actors))],
            "emotion": np.tile(EMOTIONS, 2 * len(SPLITS)),
            "actor": actors,
            "split": np.repeat(SPLITS, CLIPS_EACH),
        }
    )


@pytest.fixture
def features(clips) -> np.ndarray:
    """(2, clip, DIM), in which speakers and emotions show."""
    generator = np.random.default_rng(0)
    labels = clips["emotion"].map(EMOTIONS.index)
    parts = (generator.normal(size=(len(names), DIM))[names] for names in (labels, clips["actor"] - 1))
    noise = generator.normal(size=(2, len(clips), DIM))
    return (sum(parts) + 0.7 * noise).astype(np.float32)


@pytest.fixture
def folder(tmp_path, monkeypatch, clips):
    """Working folder in which every fold has the same clips."""
    monkeypatch.chdir(tmp_path)
    for module in (score, settings):
        monkeypatch.setattr(module, "fold_clips", lambda fold: clips)
        monkeypatch.setattr(module, "FOLDS", range(1, 3))
    return tmp_path


def head_of(clips, features, known) -> AdaptableHead:
    labels = clips["emotion"].map(EMOTIONS.index).to_numpy()[known]
    actors = clips["actor"].to_numpy()[known]
    return AdaptableHead.train(features[:, known], labels, actors, LogisticSettings(0.1, 200))


def asker(clips, features, seen: list):
    """Answer parts by logistic regression, and note which actors are known and asked."""

    def ask(known, asked):
        actors, labels = clips["actor"].to_numpy(), clips["emotion"].map(EMOTIONS.index).to_numpy()
        seen.append(({*actors[known]}, {*actors[asked]}))
        head = head_of(clips, features, known)
        return head.ask(features[:, asked], labels[asked], actors[asked]), head.speakers

    return ask


def test_no_speaker_is_asked_who_was_fitted_on(clips, features):
    seen = []
    found, chosen = answer_parts(clips, asker(clips, features, seen), GRID, DRAWS)
    assert seen == [({1, 2, 3}, {4}), ({1, 2, 3, 4}, {5, 6})]
    assert [*chosen] == [0, 2, 16]
    assert {*chosen.values()} <= {*GRID}
    assert found["test"].adapted.shape == (4, 3, 2 * CLIPS_EACH, len(EMOTIONS))
    assert found["val"].adapted.shape == (4, 2, CLIPS_EACH, len(EMOTIONS))


def test_labels_of_test_clips_change_nothing_that_is_chosen(clips, features):
    draws = DrawSettings(seed=1, counts=(0, 2, 16), dominated=(), repeats=2, validation_repeats=2)
    other = clips.copy()
    tested = other["split"] == "test"
    other.loc[tested, "emotion"] = other.loc[tested, "emotion"].sample(frac=1, random_state=1).to_numpy()
    outcomes = [answer_parts(table, asker(table, features, []), GRID, draws) for table in (clips, other)]
    assert outcomes[0][1] == outcomes[1][1]
    np.testing.assert_array_equal(*(found["test"].adapted for found, _ in outcomes))


def member(seed: int, clips: int = 40, good: float = 3.0) -> tuple[dict[str, Answers], np.ndarray]:
    """Answers whose log-probabilities of the right emotion are higher, and the labels of val."""
    labels = np.random.default_rng(0).integers(len(EMOTIONS), size=clips)
    generator = np.random.default_rng(seed)

    def logs(*shape: int) -> np.ndarray:
        found = generator.normal(size=(*shape, clips, len(EMOTIONS)))
        found[..., np.arange(clips), labels] += good
        return log_softmax(found)

    names = [str(index) for index in range(clips)]
    parts = {part: Answers(names, logs(), logs(3, 2)) for part in ("val", "test")}
    return parts, labels


CONDITIONS = [Condition(0), Condition(4), Condition(4, dominated=True)]


def test_without_clips_unadapted_members_alone_are_pooled():
    (first, labels), (second, _) = member(1), member(2)
    pooled = pool_members([first, second], labels, CONDITIONS)
    assert [len(pooled.weights[count]) for count in (0, 4)] == [2, 4]
    expected = pooled.weights[0][0] * first["test"].plain + pooled.weights[0][1] * second["test"].plain
    np.testing.assert_allclose(pooled.test[0], np.broadcast_to(expected, pooled.test[0].shape), rtol=1e-6)


def test_weights_are_fitted_on_validation_clips_alone():
    (first, labels), (second, _) = member(1), member(2)
    before = pool_members([first, second], labels, CONDITIONS).weights
    second["test"].plain[:], second["test"].adapted[:] = 0.0, 0.0
    assert pool_members([first, second], labels, CONDITIONS).weights == before


def test_useless_member_gets_no_weight():
    (good, labels), (bad, _) = member(1), member(2, good=-3.0)
    weights = pool_members([good, bad], labels, CONDITIONS).weights[4]
    assert weights[1] == weights[3] == 0
    assert weights[0] > 0 and weights[2] > 0


def test_answers_are_read_as_they_were_written(folder):
    found, strengths = member(1)[0], {0: Strengths(1.0, 2.0), 4: Strengths(3.0, 4.0)}
    write_answers(found, strengths, "whisper", 1)
    again, read = read_answers("whisper", 1)
    assert read == strengths
    assert again["val"].clips == found["val"].clips
    for part in ("val", "test"):
        np.testing.assert_array_equal(again[part].adapted, found[part].adapted)
        np.testing.assert_array_equal(again[part].plain, found[part].plain)


def test_scores_count_every_clip_in_every_draw(folder, clips, features):
    for fold in (1, 2):
        write_answers(*answer_parts(clips, asker(clips, features, []), GRID, DRAWS), "whisper", fold)
    counts, folds, facts = score.score_folds("mine", ["whisper"], DRAWS.conditions, {"speaker_adapted": 2})
    assert counts.shape == (4, 4, len(EMOTIONS), len(EMOTIONS))  # two test speakers in each of two folds
    assert (counts.sum(axis=(1, 2, 3)) == 2 * 2 * CLIPS_EACH).all()
    assert folds.shape == (4, 3, 2)
    assert facts["1"]["strengths"]["whisper"][16] in [vars(strengths) for strengths in GRID]
    rows = pd.DataFrame(score.curve_of(counts, folds, DRAWS.conditions))
    assert rows["gain"][0] == rows["sd_of_draws"][0] == 0
    assert (rows["low"] <= rows["uar"]).all() and (rows["uar"] <= rows["high"]).all()
    assert rows["uar"][2] > rows["uar"][0], "all clips of a speaker should help here"
    assert (folder / score.OUT / "runs/speaker_adapted/mine/2-1.csv").is_file()
    save_figure(draw_curves(rows.assign(model="whisper")), folder / "curve.png")
    assert (folder / "curve.png").stat().st_size > 10_000


def test_the_most_clips_drawn_at_random_stand_for_all():
    conditions = [Condition(0), Condition(60), Condition(8), Condition(8, dominated=True)]
    assert score.all_clips(conditions) == 1


@pytest.fixture
def run(clips, features) -> pd.DataFrame:
    """Probabilities of every clip, by a head that knows the first three speakers."""
    head = head_of(clips, features, np.flatnonzero(clips["split"] == "train"))
    labels = clips["emotion"].map(EMOTIONS.index).to_numpy()
    plain = head.ask(features, labels, clips["actor"].to_numpy()).plain
    return pd.DataFrame(np.exp(plain), columns=list(EMOTIONS), index=clips["clip"])


def test_a_run_is_adapted_by_its_own_log_probabilities(clips, run):
    parts = {part: clips[clips["split"] == part] for part in ("val", "test")}
    asked, known = ask_run(run, parts["test"], parts["val"])
    assert asked.features.shape == (1, 2 * CLIPS_EACH, len(EMOTIONS))
    np.testing.assert_allclose(asked.features.sum(axis=2), 0, atol=1e-9)
    own = Speakers.fit(asked.features, asked.speakers)
    np.testing.assert_allclose(np.exp(asked.logs(np.arange(4), Normaliser(own.mean, own.mean + 1))).sum(axis=1), 1)
    unshrunk = answer_draws(asked, known, {99: Strengths(0.0, 1e9)}, [Condition(99)], 1, 1)[0, 0]
    for speaker in np.unique(asked.speakers):
        logs = unshrunk[asked.speakers == speaker].astype(float)
        logits = logs - logs.mean(axis=1, keepdims=True)
        np.testing.assert_allclose(logits.mean(axis=0), 0, atol=1e-4)


def test_a_released_model_gets_an_adapter_that_helps_after_clips_alone(clips, run):
    asked, _ = ask_run(run, clips[clips["split"] != "train"], clips[clips["split"] == "val"])
    adapter = fit_adapter(asked.plain, asked.labels, asked.speakers, GRID, DRAWS)
    assert adapter.counts.tolist() == [0, 2, 16]
    assert adapter.weights[0, 1] == 0
    assert {*adapter.strengths} <= {*GRID}
    unheard = adapter.answer(asked.plain, Voice.unheard(1, len(EMOTIONS)))
    np.testing.assert_array_equal(unheard.argmax(axis=1), asked.plain.argmax(axis=1))


def test_missing_opensmile_is_said_with_its_licence(monkeypatch):
    monkeypatch.setitem(sys.modules, "opensmile", None)
    with pytest.raises(ValueError, match=r"no use in a product.*pip install opensmile"):
        next(describe([ROOT / "none.wav"], "eGeMAPSv02"))


def test_trap_scores_the_emotions_that_the_corpus_has(clips, features):
    one_each = (clips["emotion"].map(EMOTIONS.index) == clips["actor"]).to_numpy()
    labels, actors = clips["emotion"].map(EMOTIONS.index).to_numpy()[one_each], clips["actor"].to_numpy()[one_each]
    head = head_of(clips, features, np.arange(len(clips)))
    table = trap.compare(head.ask(features[:, one_each], labels, actors), head.speakers, GRID[0])
    assert table["emotions"].tolist() == [len(SPLITS)] * len(table)
    uar = table.set_index("adaptation")["uar"]
    assert uar["all clips, no shrinkage"] < uar["none"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"counts": [1, 2]}, "draws.counts is .*0 first"),
        ({"counts": [0, 4, 2]}, "draws.counts is .*rising order"),
        ({"dominated": [3]}, "draws.dominated is .*some of counts"),
        ({"repeats": 0}, "repeats"),
    ],
)
def test_impossible_draws_are_named(change, message):
    params = ROOT / settings.PARAMS
    with pytest.raises(ParamsError, match=message):
        build(DrawSettings, read_params(params, "draws") | change, "draws", str(params))


def test_answers_stay_in_the_project():
    assert answers.ANSWERS.parent == settings.PARAMS.parent == score.OUT
