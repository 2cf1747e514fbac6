"""A finished run of the whole pipeline, small enough for tests."""

import contextlib
import os
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from hypothesis import HealthCheck, settings

from scripts.children import PLACES, dvc
from scripts.demo import copy_project
from ser.arithmetic.portable import can_be_portable
from tests.recording import noting

# Two actors have every emotion in each split; one epoch of narrow networks is enough to fill every output
TINY = {
    "corpus.name": "synthetic",
    "synthetic.actors": 2,
    "runtime.portable": can_be_portable(),
    "train.threads": 1,
    "train_lgbm.threads": 1,
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

# Cases of a property. Always the same ones: what fails once fails again, and a new failure is that of a change
for profile, cases in (("fast", 100), ("all", 2000)):
    settings.register_profile(
        profile,
        max_examples=cases,
        derandomize=True,
        report_multiple_bugs=False,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def pytest_configure(config: pytest.Config) -> None:
    """Try more cases of each property where the slow tests run too."""
    settings.load_profile("fast" if "not slow" in config.option.markexpr else "all")


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Leave the other cores to other test processes, in the tests and in the stages: a thread that waits spins."""
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture(scope="session", autouse=True)
def no_surroundings() -> Iterator[None]:
    """Keep proxies from servers that tests start, and the repository of a git hook from those that tests make."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.lower().endswith("_proxy") or name in PLACES:
                patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def demo_project(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The folder of a copy of this project after `dvc repro` on a tiny synthetic corpus.

    It is shared by all tests, those of other test processes included: copy it before changing anything in it. Beside
    it, `notes` says what its stages opened.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "demo"
    with FileLock(folder.with_suffix(".lock")):
        if not (folder / "finished").exists():
            shutil.rmtree(folder, ignore_errors=True)  # the half of another process whose run failed
            copy_project(folder / "project", TINY)
            with noting(folder / "notes"):
                dvc(folder / "project", "repro")
            (folder / "finished").touch()
    return folder / "project"


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
