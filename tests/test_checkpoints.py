"""Checkpoints: what is taken up, and what is not."""

import pytest
import torch

from ser.training.checkpoints import Checkpoint

STATE = {"epoch": 3, "weights": {"w": torch.arange(6.0).reshape(2, 3).T}, "history": [{"loss": 0.1}]}


@pytest.fixture
def path(tmp_path):
    return tmp_path / ".resume" / "cnn.pt"


def test_the_state_comes_back_as_it_was_layout_included(path):
    Checkpoint(path, 1).save(STATE)
    state = Checkpoint(path, 1).load()
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
def test_the_state_of_another_training_is_not_taken_up(path, before, after):
    Checkpoint(path, *before).save(STATE)
    assert Checkpoint(path, *after).load() is None
    assert Checkpoint(path, *before).load() is not None


def test_the_state_of_other_code_is_not_taken_up(path, monkeypatch):
    Checkpoint(path, 1).save(STATE)
    monkeypatch.setattr("ser.training.checkpoints._imported_code", lambda: [b"other"])
    assert Checkpoint(path, 1).load() is None


def test_a_damaged_file_counts_as_none(path):
    checkpoint = Checkpoint(path, 1)
    checkpoint.save(STATE)
    path.write_bytes(path.read_bytes()[:-100])
    assert checkpoint.load() is None


def test_nothing_is_taken_up_or_left_after_removal(path):
    checkpoint = Checkpoint(path, 1)
    assert checkpoint.load() is None
    checkpoint.save(STATE)
    assert list(path.parent.iterdir()) == [path]
    path.unlink()
    assert checkpoint.load() is None
    assert list(path.parent.iterdir()) == []
