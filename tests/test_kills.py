"""Kills at random moments, each followed by the same command: the bytes are those of an undisturbed run."""

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest
import yaml

from scripts.children import environment
from scripts.mend import mend
from scripts.projects import ROOT
from tests.killing import REPRO, forget, kill_after
from tests.pipeline import change_param, copy_finished, output_digests
from tests.tiny_bundle import write_bundle
from tests.tiny_encoders import save_encoder

TRAININGS = ("train_cnn.epochs", "train_lstm.epochs", "train_extractor.epochs", "train_compact.schedule.epochs")
EPOCHS = 3  # of each, so that some are killed between two
IN_A_ROW = 3  # kills at most, before a run that is left in peace and looked at
HEARD = "heard.csv"
CROSSVAL, ENCODERS, TUNING = (Path("studies") / name for name in ("crossval", "encoders", "tuning"))
SHARE = float(os.environ.get("KILLS", 1))  # KILLS=0.1: a tenth of them, to try a change of this file


class Work(NamedTuple):
    """A command that is killed.

    kills: how often; folder: of its project; prepare: makes its settings small, in a finished run of the main pipeline;
    undo: leaves it something to do; outcome: what is compared.
    """

    kills: int
    folder: Path
    command: Sequence[str]
    prepare: Callable[[Path], None]
    undo: Callable[[Path, random.Random], None]
    outcome: Callable[[Path], Any]

    def run(self, project: Path) -> None:
        """Run it in peace, as `make repro`, `make results` and `make tune` do."""
        mend(project / self.folder)
        subprocess.run(self.command, cwd=project / self.folder, env=environment(), check=True)

    def kill(self, project: Path, seconds: float) -> bool:
        """Kill it after so many seconds; False if it ended before."""
        mend(project / self.folder)
        return kill_after(project / self.folder, self.command, seconds)


def prepare_main(project: Path) -> None:
    for key in TRAININGS:
        change_param(project, key, EPOCHS)


def prepare_crossval(project: Path) -> None:
    prepare_main(project)
    for key, value in {"stratified": [1, 2], "folds.repeats": 2}.items():
        change_param(project / CROSSVAL, key, value)
    (project / CROSSVAL / "dvc.lock").unlink()


def prepare_folds(project: Path) -> None:
    prepare_crossval(project)
    mend(project / CROSSVAL)
    subprocess.run([*REPRO, "folds@stratified"], cwd=project / CROSSVAL, env=environment(), check=True)


def prepare_encoders(project: Path) -> None:
    prepare_folds(project)
    (project / ENCODERS / "dvc.lock").unlink()
    save_encoder("whisper", project.parent / "encoder")


def prepare_search(project: Path) -> None:
    """Let two random splits stand for Luna-Jiménez's folds, which are of 24 actors."""
    prepare_folds(project)
    shutil.copy(project / CROSSVAL / "folds/stratified.csv", project / CROSSVAL / "folds/luna.csv")
    for key, value in {"search.folds": [1, 2], "search.startup_trials": 2}.items():
        change_param(project / TUNING, key, value)
    shutil.copy(project / "params.yaml", project.parent / "params.yaml")


def prepare_hearing(project: Path) -> None:
    write_bundle(project.parent / "tiny")


def forget_a_stage(folder: Path, generator: random.Random) -> None:
    lock = yaml.safe_load((folder / "dvc.lock").read_text(encoding="utf-8"))
    forget(folder, generator.choice(sorted(lock["stages"])))


def undo_search(project: Path, _: random.Random) -> None:
    shutil.rmtree(project / TUNING / "studies", ignore_errors=True)
    shutil.copy(project.parent / "params.yaml", project / "params.yaml")


def undo_hearing(project: Path, _: random.Random) -> None:
    for path in (project / HEARD, *project.glob(f".*{HEARD}")):  # and what a kill left under a temporary name
        path.unlink(missing_ok=True)


def outcome_of_hearing(project: Path) -> tuple[bytes, list[str]]:
    """The file's bytes, and the journals that are left."""
    return (project / HEARD).read_bytes(), [path.name for path in project.glob("*.partial")]


def outcome_of_search(project: Path) -> tuple[str, bytes]:
    """The trials but for rows of interrupted ones, numbers and times, which may differ; and the proposal's bytes."""
    trials = pd.read_csv(project / TUNING / "results/lgbm/trials.csv")
    finished = trials[trials["state"] != "interrupted"].drop(columns=["number", "seconds"])
    return finished.to_csv(index=False), (project / "params.yaml").read_bytes()


WORK = {
    "main pipeline": Work(40, Path(), REPRO, prepare_main, forget_a_stage, output_digests),
    "cross-validation": Work(
        20,
        CROSSVAL,
        (*REPRO, "cnn_stratified", "compact_stratified"),
        prepare_crossval,
        forget_a_stage,
        output_digests,
    ),
    "encoders": Work(20, ENCODERS, (*REPRO, "logistic_stratified"), prepare_encoders, forget_a_stage, output_digests),
    "hyperparameter search": Work(
        20,
        Path(),
        (sys.executable, "-m", "studies.tuning", "lgbm", "5"),
        prepare_search,
        undo_search,
        outcome_of_search,
    ),
    "`ser predict --out`": Work(
        20,
        Path(),
        (sys.executable, "-m", "ser.inference", "predict", "data/raw", "--model", "../tiny", "--out", HEARD),
        prepare_hearing,
        undo_hearing,
        outcome_of_hearing,
    ),
}


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", WORK)
def test_killed_work_is_made_good_by_the_same_command(name, demo_project, tmp_path, monkeypatch):
    work, generator = WORK[name], random.Random(name)
    monkeypatch.setenv("ENCODER_SOURCE", str(tmp_path / "encoder"))
    project = copy_finished(demo_project, tmp_path / "project")
    work.prepare(project)
    work.run(project)
    right = work.outcome(project / work.folder)
    work.undo(project / work.folder, generator)
    began = time.time()
    work.run(project)
    longest_s, wanted, done = time.time() - began, round(work.kills * SHARE), 0
    while done < wanted:
        work.undo(project / work.folder, generator)
        for _ in range(min(IN_A_ROW, wanted - done)):
            if not work.kill(project, generator.uniform(0, longest_s)):
                break
            done += 1
        work.run(project)
        assert work.outcome(project / work.folder) == right, f"after {done} kills"
    print(f"{name}: {done} kills")


def test_table_counts_the_kills():
    lines = (ROOT / "docs/DAMAGE.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    counted = {row[0]: row[1] for row in rows}
    assert {name: counted.get(name) for name in WORK} == {name: str(work.kills) for name, work in WORK.items()}
    assert sum(work.kills for work in WORK.values()) == 120
