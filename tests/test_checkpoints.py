"""Checkpoints: what is taken up, and what is not."""

import pytest
import torch

from ser.training.checkpoints import Checkpoint

STATE = {"epoch": 3, "weights": {"w": torch.arange(6.0).reshape(2, 3).T}, "history": [{"loss": 0.1}]}


@pytest.fixture(autouse=True)
def somewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_state_comes_back_as_it_was_layout_included():
    Checkpoint("cnn", 1).save(STATE)
    state = Checkpoint("cnn", 1).load()
    assert (state["epoch"], state["history"]) == (STATE["epoch"], STATE["history"])
    assert torch.equal(state["weights"]["w"], STATE["weights"]["w"])
    assert state["weights"]["w"].stride() == STATE["weights"]["w"].stride()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((1,), (2,)),
        ((torch.zeros(4),), (torch.tensor([0.0, 0, 0, 1e-30]),)),
        ((torch.zeros(4),), (torch.zeros(2, 2),)),
    ],
)
def test_the_state_of_another_training_is_not_taken_up(before, after):
    Checkpoint("cnn", *before).save(STATE)
    assert Checkpoint("cnn", *after).load() is None
    assert Checkpoint("cnn", *before).load() is not None


def test_the_state_of_other_code_is_not_taken_up(monkeypatch):
    Checkpoint("cnn", 1).save(STATE)
    monkeypatch.setattr("ser.training.checkpoints._imported_code", lambda: [b"other"])
    assert Checkpoint("cnn", 1).load() is None


def test_a_damaged_file_counts_as_none():
    checkpoint = Checkpoint("cnn", 1)
    checkpoint.save(STATE)
    checkpoint.path.write_bytes(checkpoint.path.read_bytes()[:-100])
    assert checkpoint.load() is None


def test_nothing_is_left_after_removal():
    checkpoint = Checkpoint("cnn", 1)
    checkpoint.remove()
    checkpoint.save(STATE)
    checkpoint.remove()
    assert checkpoint.load() is None
    assert list(checkpoint.path.parent.iterdir()) == []
