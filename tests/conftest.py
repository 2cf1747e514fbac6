"""A finished run of the whole pipeline, small enough for tests."""

import contextlib
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.demo import copy_project, dvc
from tests.recording import noting

# Two actors have every emotion in each split; one epoch of narrow networks is enough to fill every output
TINY = {
    "corpus.name": "synthetic",
    "synthetic.actors": 2,
    "train_cnn.epochs": 1,
    "train_cnn.network.channels": [4, 4, 4, 4],
    "train_cnn.network.hidden": 16,
    "train_lstm.epochs": 1,
    "train_lstm.network.hidden": 8,
    "train_extractor.epochs": 1,
    "train_extractor.network.channels": [4, 4, 4],
    "train_extractor.network.lstm_hidden": 8,
    "train_lgbm.estimators": 5,
    "train_compact.schedule.epochs": 1,
    "train_compact.network.front": [4, 4],
    "train_compact.network.width": 8,
    "train_compact.network.lstm_hidden": 8,
}


@pytest.fixture(scope="session")
def demo_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a copy of this project after `dvc repro` on a tiny synthetic corpus.

    It is shared by all tests: copy it before changing anything in it. Beside it, `notes` says what its stages opened.
    """
    project = tmp_path_factory.mktemp("demo") / "project"
    copy_project(project, TINY)
    with noting(project.parent / "notes"):
        dvc(project, "repro")
    return project


@pytest.fixture
def full_disk():
    """A context in which no file grows beyond so many bytes: writing more is an OSError, as on a full disk."""

    @contextlib.contextmanager
    def limit(size_bytes: int) -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limit
