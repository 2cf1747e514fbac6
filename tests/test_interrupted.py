"""Stages killed at moments that matter: run again, they end where an undisturbed run ends, byte for byte."""

import signal
import subprocess
from pathlib import Path

import pytest

from scripts.children import dvc, environment
from scripts.demo import copy_project
from scripts.mend import mend
from tests.conftest import TINY
from tests.killing import REPRO, appeared, forget, kill_when
from tests.pipeline import copy_finished, output_digests

pytestmark = pytest.mark.slow

# Three epochs of each network, so that trainings can be ended between two
LONGER = TINY | dict.fromkeys(
    ("train_cnn.epochs", "train_lstm.epochs", "train_extractor.epochs", "train_compact.schedule.epochs"), 3
)
# The stage to run anew, and the file of which half is written when all is killed
FILES = {
    "mel cache": ("precompute_mel", "data/features/mel.pt"),
    "MFCC cache": ("precompute_mfcc", "data/features/mfcc.pt"),
    "state of AudioCNN": ("train_cnn", ".resume/train_cnn.pt"),
    "weights of AudioCNN": ("train_cnn", "models/cnn"),
    "trees": ("train_lgbm", "models/hybrid"),
}
# The same, and what is there when it is killed: files of a folder, finished epochs
MOMENTS = {
    "fetch, clips half-written": ("fetch", "data/.raw.*/*/*.wav"),
    "AudioCNN, between epochs": ("train_cnn", ".resume/train_cnn.pt"),
    "AudioLSTM, between epochs": ("train_lstm", ".resume/train_lstm.pt"),
    "CNN-LSTM, between epochs": ("train_extractor", ".resume/train_extractor.pt"),
    "CompactNet, between epochs": ("train_compact", ".resume/train_compact.pt"),
}
ENDING = Path(__file__).parent / "ending"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Path:
    """A project after a run from start to end; copy it before changing anything in it."""
    project = tmp_path_factory.mktemp("undisturbed") / "project"
    copy_project(project, LONGER)
    dvc(project, "repro")
    return project


@pytest.mark.parametrize("file", FILES)
def test_a_file_half_written_is_never_taken_for_a_result(file, undisturbed, tmp_path):
    stage, path = FILES[file]
    project = copy_finished(undisturbed, tmp_path / "project")
    forget(project, stage)
    end_writing(project / path)
    assert not (project / path).exists()
    name, folder = Path(path).name, (project / path).parent
    assert len([*folder.glob(f".*.{name}"), *folder.glob(f".{name}.*")]) == 1
    assert_made_good(project, undisturbed)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_stage_ended_at_this_moment_is_made_good(moment, undisturbed, tmp_path):
    stage, pattern = MOMENTS[moment]
    project = copy_finished(undisturbed, tmp_path / "project")
    forget(project, stage)
    assert kill_when(project, REPRO, lambda began: appeared(project, pattern, began))
    assert_made_good(project, undisturbed)


def test_a_stage_that_outlives_dvc_does_no_harm(undisturbed, tmp_path):
    project = copy_finished(undisturbed, tmp_path / "project")
    forget(project, "train_cnn")
    assert kill_when(project, REPRO, lambda began: appeared(project, ".resume/train_cnn.pt", began), group=False)
    assert_made_good(project, undisturbed)


def test_an_ended_training_goes_on_with_its_next_epoch(undisturbed, tmp_path):
    project = copy_finished(undisturbed, tmp_path / "project")
    forget(project, "train_cnn")
    assert kill_when(project, REPRO, lambda began: appeared(project, ".resume/train_cnn.pt", began))
    shown = dvc(project, "repro", "train_cnn", capture_output=True).stderr
    assert "epoch 3/3" in shown
    assert "epoch 1/3" not in shown


def end_writing(path: Path) -> None:
    """Run `dvc repro` in the project until half of a file is written, then kill all."""
    project = next(parent for parent in path.parents if (parent / "dvc.yaml").exists())
    patch = {"END_AT": str(path), "PYTHONPATH": str(ENDING)}
    ended = subprocess.run(REPRO, cwd=project, env=environment() | patch, start_new_session=True, capture_output=True)
    assert ended.returncode == -signal.SIGKILL


def assert_made_good(project: Path, undisturbed: Path) -> None:
    mend(project)
    dvc(project, "repro")
    assert output_digests(project) == output_digests(undisturbed)
    assert "up to date" in dvc(project, "status", capture_output=True).stdout
    assert not list(project.glob(".resume/[!.]*"))
