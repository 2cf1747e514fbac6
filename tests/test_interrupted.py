"""Work that is ended by SIGKILL: run again, it ends where an undisturbed run ends, byte for byte."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from scripts.children import dvc, environment
from scripts.demo import copy_project
from scripts.mend import mend
from tests.conftest import TINY
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
RANDOM_KILLS = 2  # after each of these moments
RANDOM_KILLS_OF_ALL = 5  # of a run of all stages


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Path:
    """A project after a run from start to end; copy it before changing anything in it."""
    project = tmp_path_factory.mktemp("undisturbed") / "project"
    copy_project(project, LONGER)
    dvc(project, "repro")
    return project


@pytest.fixture(scope="module")
def kills() -> list[int]:
    """The kills of each test that did some."""
    return []


@pytest.mark.parametrize("file", FILES)
def test_a_file_half_written_is_never_taken_for_a_result(file, undisturbed, kills, tmp_path):
    stage, path = FILES[file]
    project, generator = copy_finished(undisturbed, tmp_path / "project"), random.Random(file)
    forget(project, stage)
    end_writing(project / path)
    assert not (project / path).exists()
    name, folder = Path(path).name, (project / path).parent
    assert len([*folder.glob(f".*.{name}"), *folder.glob(f".{name}.*")]) == 1
    kills.append(1 + kill_at_random(project, generator))
    assert_made_good(project, undisturbed)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_stage_ended_at_any_moment_is_made_good(moment, undisturbed, kills, tmp_path):
    stage, pattern = MOMENTS[moment]
    project, generator = copy_finished(undisturbed, tmp_path / "project"), random.Random(moment)
    forget(project, stage)
    assert kill_when(project, lambda began: appeared(project, pattern, began))
    kills.append(1 + kill_at_random(project, generator))
    assert_made_good(project, undisturbed)


def test_a_run_of_all_stages_ended_again_and_again_is_made_good(undisturbed, kills, tmp_path):
    project, generator = tmp_path / "project", random.Random(0)
    copy_project(project, LONGER)
    kills.append(sum(kill_after(project, generator.uniform(2, 15)) for _ in range(RANDOM_KILLS_OF_ALL)))
    assert_made_good(project, undisturbed)


def test_there_were_enough_kills(kills):
    assert len(kills) <= len(FILES) + len(MOMENTS) or sum(kills) >= 20  # of fewer tests, fewer


def test_a_stage_that_outlives_dvc_does_no_harm(undisturbed, tmp_path):
    project = copy_finished(undisturbed, tmp_path / "project")
    forget(project, "train_cnn")
    assert kill_when(project, lambda began: appeared(project, ".resume/train_cnn.pt", began), group=False)
    assert_made_good(project, undisturbed)


def test_an_ended_training_goes_on_with_its_next_epoch(undisturbed, tmp_path):
    project = copy_finished(undisturbed, tmp_path / "project")
    forget(project, "train_cnn")
    assert kill_when(project, lambda began: appeared(project, ".resume/train_cnn.pt", began))
    shown = dvc(project, "repro", "train_cnn", capture_output=True).stderr
    assert "epoch 3/3" in shown
    assert "epoch 1/3" not in shown


def forget(project: Path, stage: str) -> None:
    """Remove a stage's outputs and all that DVC knows of its runs, so that it has to run."""
    lock = yaml.safe_load((project / "dvc.lock").read_text(encoding="utf-8"))
    for out in lock["stages"].pop(stage)["outs"]:
        path = project / out["path"]
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    (project / "dvc.lock").write_text(yaml.safe_dump(lock), encoding="utf-8")
    shutil.rmtree(project / ".dvc/cache/runs")


def appeared(project: Path, pattern: str, began: float) -> bool:
    """Whether a file was made since then; what an earlier process left behind does not count."""
    for path in project.glob(pattern):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime > began:
                return True
    return False


def end_writing(path: Path) -> None:
    """Run `dvc repro` in the project until half of a file is written, then kill all."""
    project = next(parent for parent in path.parents if (parent / "dvc.yaml").exists())
    patch = {"END_AT": str(path), "PYTHONPATH": str(ENDING)}
    command = [sys.executable, "-m", "dvc", "repro"]
    ended = subprocess.run(command, cwd=project, env=environment() | patch, start_new_session=True, capture_output=True)
    assert ended.returncode == -signal.SIGKILL


def kill_at_random(project: Path, generator: random.Random) -> int:
    """Run `dvc repro` some times more and kill it after a while; return how often it had not ended before."""
    return sum(kill_after(project, generator.uniform(1, 6)) for _ in range(RANDOM_KILLS))


def kill_after(project: Path, seconds: float) -> bool:
    """Kill a `dvc repro` after so many seconds; False if it ended before."""
    return kill_when(project, lambda began: time.time() > began + seconds)


def kill_when(project: Path, reached: Callable[[float], bool], group: bool = True) -> bool:
    """Start it as `make repro` does, kill it, or all of its process group, once `reached(began)`; False if it ended."""
    mend(project)
    began = time.time()
    log = project.parent / "log"
    with log.open("w", encoding="utf-8") as output:
        command = [sys.executable, "-m", "dvc", "repro"]
        options = {"stdout": output, "stderr": subprocess.STDOUT, "start_new_session": True}
        process = subprocess.Popen(command, cwd=project, env=environment(), **options)
    while process.poll() is None:
        if reached(began):
            os.killpg(process.pid, signal.SIGKILL) if group else process.kill()
            process.wait()
            return True
        time.sleep(0.001)
    assert process.returncode == 0, log.read_text(encoding="utf-8")
    return False


def assert_made_good(project: Path, undisturbed: Path) -> None:
    mend(project)
    dvc(project, "repro")
    assert output_digests(project) == output_digests(undisturbed)
    assert "up to date" in dvc(project, "status", capture_output=True).stdout
    assert not list(project.glob(".resume/[!.]*"))
