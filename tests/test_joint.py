"""The joint representation: missing branches, modality dropout, training; late fusion by weights and by stacking."""

import dataclasses
import functools
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch

from fusion.branches import make_table
from fusion.joint_branches import joint_clips
from scripts.demo import ROOT
from ser.corpora.emotions import EMOTIONS
from ser.data.branches import BranchClips, copied
from ser.evaluation import statistics
from ser.evaluation.fold_predictions import DIGITS, write_run
from ser.evaluation.predictions import read_predictions
from ser.evaluation.stacking import fit_stack, stacked
from ser.models.joint import Joint, JointSettings
from ser.networks.joint import JointConfig, JointHead, hide
from ser.storage.files import read_table, write_table
from ser.storage.params import ParamsError, build, read_params
from studies.joint import compare, fuse_late, places, train_joint
from studies.joint.members import BranchSettings, said_by
from studies.run import Run
from tests.pipeline import code_of, declared_files, declared_params, read_leaves, stages_of

JOINT = ROOT / "studies/joint"
STAGES = stages_of(JOINT)
SETTINGS = build(JointSettings, read_params(JOINT / "params.yaml", "train_joint"))
CONFIG = JointConfig(width=6, dropout=0.0, branch_dropout=0.0)


def settings(epochs: int = 10, **head: float) -> JointSettings:
    schedule = dataclasses.replace(
        SETTINGS.schedule, epochs=epochs, batch_size=16, peak_learning_rate=0.02, label_smoothing=0.0
    )
    schedule = dataclasses.replace(schedule, averaging_decay=0.9, weight_decay=0.0)
    return dataclasses.replace(SETTINGS, schedule=schedule, head=dataclasses.replace(SETTINGS.head, width=16, **head))


def clips(number: int = 160, seed: int = 0, noise: float = 0.3) -> BranchClips:
    """Two copies of clips with two branches that both show the emotion, of different widths and scales."""
    random, labels = np.random.default_rng(seed), np.arange(number) % 8
    shown = np.eye(8)[labels][None] + noise * random.standard_normal((2, number, 8))
    wide = np.concatenate([100 * shown + 5, random.standard_normal((2, number, 12))], axis=2)
    return BranchClips(
        {"left": torch.tensor(wide).float(), "right": torch.tensor(0.01 * shown).float()}, torch.tensor(labels)
    )


def right(joint: Joint, asked: BranchClips) -> float:
    return (joint.logits(asked).argmax(dim=1) == asked.labels).double().mean().item()


def head(config: JointConfig = CONFIG) -> JointHead:
    torch.manual_seed(1)
    network = JointHead(config, [3, 5], 8)
    network.fit(torch.randn(40, 8) * 3 + 2)
    return network.eval()


def test_what_a_missing_branch_would_have_said_does_not_matter():
    network, numbers = head(), torch.randn(4, 1, 8)
    numbers[:2, :, 3:] = torch.nan
    logits = network(numbers, torch.ones(4))
    assert logits.isfinite().all()
    changed = torch.cat([numbers[:2], 100 * numbers[2:]])
    assert torch.equal(network(changed, torch.ones(4))[:2], logits[:2])


def test_branches_that_are_there_grow_by_the_share_that_is_missing():
    network = head()
    numbers = torch.randn(1, 1, 8)
    numbers[:, :, 3:] = torch.nan
    part = (numbers[0, 0, :3] - network.mean[:3]) / network.sd[:3]
    hidden = torch.cat([2 * network.projections[0](part), torch.zeros(6)])
    torch.testing.assert_close(network(numbers, torch.ones(1))[0], network.head(torch.nn.functional.gelu(hidden)))


def test_a_branch_that_no_training_clip_had_says_nothing():
    network = JointHead(CONFIG, [3, 5], 8)
    known = torch.randn(40, 8)
    known[:, 3:] = torch.nan
    network.fit(known)
    network.eval()
    numbers = torch.randn(4, 1, 8)
    without = numbers.clone()
    without[:, :, 3:] = torch.nan
    assert torch.equal(network(numbers, torch.ones(4)), network(without, torch.ones(4)))


def test_numbers_are_standardised_by_the_clips_that_have_them():
    numbers = torch.randn(50, 8, dtype=torch.float64).float() * 4 + 7
    numbers[:20, 3:] = torch.nan
    numbers[:, 0] = 5.0
    network = JointHead(CONFIG, [3, 5], 8)
    network.fit(numbers)
    torch.testing.assert_close(network.mean[3:], numbers[20:, 3:].mean(dim=0))
    torch.testing.assert_close(network.sd[3:], numbers[20:, 3:].std(dim=0, correction=0))
    assert network.sd[0] == torch.inf
    assert network(numbers[:, None], torch.ones(50)).isfinite().all()


def test_hiding_leaves_a_clip_one_branch_and_hides_as_often_as_said():
    torch.manual_seed(1)
    there = torch.tensor([[True, True, False]]).repeat(20000, 1)
    kept = hide(there, 0.3)
    assert not kept[:, 2].any()
    assert kept.any(dim=1).all()
    assert kept[:, 0].double().mean() == pytest.approx(0.7 + 0.3 * 0.3, abs=0.02)  # all hidden: none is
    assert torch.equal(hide(there, 0.0), there)


def test_it_learns_and_the_seed_decides():
    known, asked = clips(), clips(seed=1)
    first, again, other = (Joint.train(known, settings(), seed).logits(asked) for seed in (1, 1, 2))
    assert (first.argmax(dim=1) == asked.labels).double().mean() > 0.9
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_modality_dropout_makes_up_for_a_missing_branch():
    random, known, asked = np.random.default_rng(3), clips(noise=0.6), clips(seed=1, noise=0.6)
    # One branch is far surer than the other, so a head that always has both relies on it
    for part in (known, asked):
        sure = torch.eye(8)[part.labels] + 0.05 * torch.tensor(random.standard_normal((2, 160, 8))).float()
        part.branches["right"] = sure
    plain, hidden = (Joint.train(known, settings(epochs=20, branch_dropout=share), 1) for share in (0.0, 0.5))
    missing = asked.without("right")
    assert right(plain, asked) > 0.95 and right(hidden, asked) > 0.95
    assert right(hidden, missing) > right(plain, missing) + 0.03


def test_branches_are_cut_and_joined_in_their_order():
    made = clips(4)
    assert made.widths == {"left": 20, "right": 8}
    part = made.part(np.array([False, True, False, True]))
    assert part.labels.tolist() == [1, 3]
    joined = part.joined(torch.tensor([1, 0]), torch.tensor([0, 1]))
    assert torch.equal(joined[0], torch.cat([made.branches["left"][1, 1], made.branches["right"][1, 1]]))
    assert made.without("left").branches["left"].isnan().all()
    assert not made.branches["left"].isnan().any()
    assert copied(torch.ones(4, 2), 3).shape == (3, 4, 2)


def test_a_run_says_nothing_of_training_clips(tmp_path):
    table = pd.DataFrame({"clip": list("abcd"), "emotion": EMOTIONS[:4], "split": ["test", "train", "val", "train"]})
    write_run(tmp_path / "2-1.csv", table, torch.eye(4, 8) * 3)
    said = said_by(tmp_path, Run("luna", 2, 1), table)
    assert said.isnan().all(dim=1).tolist() == [False, True, False, True]
    torch.testing.assert_close(said[0], (torch.eye(4, 8)[0] * 3).log_softmax(dim=0), atol=2e-3, rtol=2e-3)
    with pytest.raises(ValueError, match="has no run 3-1"):
        said_by(tmp_path, Run("luna", 3, 1), table)


def test_stacking_finds_which_member_to_trust():
    random, labels = np.random.default_rng(1), np.arange(240) % 8
    logs = np.stack([3 * np.eye(8)[labels] + random.standard_normal((240, 8)), 3 * random.standard_normal((240, 8))])
    logs -= np.log(np.exp(logs).sum(axis=2, keepdims=True))
    known = np.arange(240) < 160
    model = fit_stack(logs[:, known], labels[known], np.arange(160) // 40)
    right_of = (model.predict(stacked(logs[:, ~known])) == labels[~known]).mean()
    assert right_of > (logs.sum(axis=0)[~known].argmax(axis=1) == labels[~known]).mean()
    assert stacked(logs)[7].tolist() == [*logs[0, 7], *logs[1, 7]]


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """Runs of two models on five folds, and of the joint head without the second."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(1)
    table = pd.DataFrame({"clip": [f"clip-{number}" for number in range(160)]})
    table["actor"], table["emotion"] = np.arange(160) // 16 + 1, [EMOTIONS[number % 8] for number in range(160)]
    table["path"] = "none.wav"
    write_table(table, fuse_late.CLIPS)
    labels = np.arange(160) % 8
    folders = {"whisper": places.PROJECTS[0] / "luna", "compact": places.PROJECTS[1] / "luna"}
    for fold in fuse_late.FOLDS:
        group = (table["actor"] - 1) % 5 + 1
        split = np.where(group == fold, "test", np.where(group == fold % 5 + 1, "val", "train"))
        for name, seeds, size in (("whisper", (1,), 3), ("compact", (1,), 2), ("joint", (1,), 4)):
            for seed in seeds:
                logits = torch.tensor(size * np.eye(8)[labels] + random.standard_normal((160, 8)))
                folder = folders[name] / name if name in folders else fuse_late.RUNS / "without_compact/joint"
                write_run(folder / f"{fold}-{seed}.csv", table.assign(split=split), logits)
    fuse_late.PARAMS.write_text(
        "branches: {encoders: [whisper], run: compact, late: [whisper, compact]}\nseeds: {joint: [1]}\n"
    )
    return tmp_path


def test_late_fusion_writes_every_method_with_all_branches_and_with_each_one_missing(project, monkeypatch):
    few = functools.partial(statistics.resampled, resamples=200)
    monkeypatch.setattr(statistics, "resampled", few)
    fuse_late.main()
    found = {path.parent.relative_to(fuse_late.RUNS).as_posix() for path in fuse_late.RUNS.glob("*/*/5-1.csv")}
    single = {f"without_{name}/{method}" for name in ("whisper", "compact") for method in ("late", "stacked")}
    assert found == {"all/late", "all/stacked", "all/joint_late", "without_compact/joint", *single}
    (fuse_late.RUNS / "without_compact/.gitignore").write_text("/late\n")
    compare.main()
    table = read_table(compare.TABLES / "uar.csv", ("method", "branches", "mean", "low", "high"))
    uar = table.set_index(["method", "branches"])["mean"]
    assert uar["late", "all"] > max(uar["whisper", "alone"], uar["compact", "alone"])
    assert uar["late", "without_compact"] == pytest.approx(uar["whisper", "alone"], abs=1e-9)
    pairs = read_table(compare.TABLES / "pairs.csv", ("first", "second", "difference", "p_holm"))
    assert set(pairs["first"]) | set(pairs["second"]) == {"whisper", "compact", "late", "stacked", "joint_late"}


def test_a_member_without_runs_is_named(project):
    text = fuse_late.PARAMS.read_text().replace("late: [whisper, compact]", "late: [whisper, gone]")
    fuse_late.PARAMS.write_text(text)
    with pytest.raises(
        SystemExit, match=r"branches\.late: no runs of 'gone' in studies/encoders/runs, studies/crossval"
    ):
        fuse_late.main()


def test_impossible_branches_are_refused():
    with pytest.raises(ParamsError, match=r"branches\.late is \('a',\); allowed: two or more"):
        build(BranchSettings, {"encoders": ["a"], "run": "b", "late": ["a"]}, "branches")
    with pytest.raises(ParamsError, match=r"encoders is \(\); allowed: one or more"):
        build(BranchSettings, {"encoders": [], "run": "b", "late": ["a", "b"]}, "branches")
    with pytest.raises(ParamsError, match=r"width is 0; allowed: 1 or more"):
        JointConfig(0, 0.0, 0.0)


def test_every_stage_declares_its_code_and_what_its_params_name():
    for name in ("train_joint@joint-1-1", "fuse_late", "compare"):
        declared = {
            (JOINT / file).resolve().relative_to(ROOT.resolve()).as_posix() for file in declared_files(STAGES[name])
        }
        assert {file for file in declared if file.endswith(".py")} == code_of(STAGES[name], ROOT)
    leaves = {leaf for leaf in read_leaves(JOINT) if not leaf.startswith("seeds.")}
    assert set().union(*(declared_params(stage, leaves) for stage in STAGES.values())) == leaves
    chosen = read_params(JOINT / "params.yaml", "branches")
    read = declared_files(STAGES["train_joint@joint-1-1"])
    assert {f"../encoders/embeddings/{name}" for name in chosen["encoders"]} < read
    assert f"../crossval/runs/luna/{chosen['run']}" in read
    fused = {Path(file).name for file in declared_files(STAGES["fuse_late"]) if "/runs/luna/" in file}
    assert fused == set(chosen["late"])


def branch(utterances: list[str], emotions: list[str | None], width: int) -> pa.Table:
    count = len(utterances)
    columns = {"utterance": utterances, "clip": utterances, "speaker": ["01"] * count, "emotion": emotions}
    columns |= {"fold": [None] * count, "seed": [None] * count}
    lists = {
        "log_probabilities": np.full((count, 8), -np.log(8)),
        "embedding": np.arange(count * width).reshape(count, -1),
    }
    return make_table({"modality": "any"}, columns | lists)


def test_branches_of_the_contract_are_joined_by_utterance():
    branches = {
        "audio": branch(["a", "b", "c"], ["sad", "calm", None], 2),
        "text": branch(["c", "a"], ["happy", None], 3),
    }
    made = joint_clips(branches, ["a", "b", "c"])
    assert made.widths == {"audio": 2, "text": 3}
    assert made.branches["audio"][0].tolist() == [[0, 1], [2, 3], [4, 5]]
    assert made.branches["text"][0, 0].tolist() == [3, 4, 5]
    assert made.branches["text"][0, 1].isnan().all()
    assert [EMOTIONS[label] for label in made.labels] == ["sad", "calm", "happy"]
    assert joint_clips(branches, ["b"]).branches["audio"].tolist() == [[[2, 3]]]


def test_utterances_without_one_label_are_named():
    with pytest.raises(ValueError, match=r"2 utterances have no label or several, first \['a', 'b'\]"):
        joint_clips({"audio": branch(["a", "b"], ["sad", None], 2), "text": branch(["a"], ["calm"], 2)}, ["a", "b"])


@pytest.fixture
def fold(tmp_path, monkeypatch) -> tuple[pd.DataFrame, BranchClips]:
    """The table and the branches of a fold that `train_fold` reads; the second says nothing of training clips."""
    monkeypatch.chdir(tmp_path)
    branches = clips(120)
    split = np.array(["train", "val", "test"])[np.minimum(np.arange(120) // 56, 2)]
    branches.branches["right"][:, split == "train"] = torch.nan
    table = pd.DataFrame({"clip": [f"clip-{number}" for number in range(120)], "split": split})
    table["emotion"] = [EMOTIONS[label] for label in branches.labels]
    monkeypatch.setattr(train_joint, "read_branches", lambda *_: branches)
    monkeypatch.setattr(Run, "clips", lambda _: table)
    return table, branches


def said(method: str, shown: str) -> pd.DataFrame:
    path = train_joint.RUNS / shown / method / "2-1.csv"
    return read_predictions(path, DIGITS).set_index("clip")[["split", *EMOTIONS]]


def test_a_fold_is_written_with_all_branches_and_with_each_one_hidden(fold):
    for method in train_joint.METHODS:
        train_joint.train_fold(method, Run("luna", 2, 1), None, settings(epochs=3))
    found = {path.parent.relative_to(train_joint.RUNS).as_posix() for path in train_joint.RUNS.glob("*/*/2-1.csv")}
    shown = ("all", "without_left", "without_right")
    assert found == {f"{folder}/{method}" for folder in shown for method in train_joint.METHODS}
    both, left = said("joint", "all"), said("joint", "without_right")
    val = both["split"] == "val"
    assert both[val].equals(left[val])  # no training clip had the right branch
    assert not both[~val].equals(left[~val])


def test_labels_of_test_clips_do_not_matter_nor_those_of_val_to_val(fold):
    table, branches = fold
    train_joint.train_fold("joint", Run("luna", 2, 1), None, settings(epochs=3))
    before = said("joint", "all")
    for part, kept in (("test", ["val", "test"]), ("val", ["val"])):
        rows = np.array(table["split"] == part)
        branches.labels[rows] = branches.labels[rows].flip(0)
        table.loc[rows, "emotion"] = table.loc[rows, "emotion"].to_numpy()[::-1]
        train_joint.train_fold("joint", Run("luna", 2, 1), None, settings(epochs=3))
        after = said("joint", "all")
        assert after[after["split"].isin(kept)].equals(before[before["split"].isin(kept)])
    assert not after.equals(before)
