"""Trainings that are ended between two epochs."""

import contextlib
from collections.abc import Iterator

import pytest

from ser.training.checkpoints import Checkpoint


@contextlib.contextmanager
def ended(after_epoch: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """End the training inside, by an error right after the checkpoint of that epoch."""
    save, epochs = Checkpoint.save, iter(range(1, after_epoch + 1))

    def save_and_end(checkpoint: Checkpoint, state: dict) -> None:
        save(checkpoint, state)
        if next(epochs) == after_epoch:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "save", save_and_end)
        with pytest.raises(KeyboardInterrupt):
            yield
