"""Which clips to measure on, and copies of this project to measure in."""

import csv
import json
import os
import shutil
import sys
from pathlib import Path

from benchmarks.measuring import run, worker

ROOT = Path(__file__).resolve().parent.parent
CLIPS = 1440  # of RAVDESS, and of 24 synthetic actors
BATCH = 32
SYNTHETIC = {"corpus.name": "synthetic", "synthetic.actors": 24}
DATA_STAGES = ("fetch", "ingest", "split", "precompute_mel", "precompute_mfcc")
QUICK = {"corpus.name": "synthetic", "synthetic.actors": 2}


def choose(quick: bool) -> str:
    """Name the corpus: RAVDESS where RAVDESS_SOURCE or data/raw has it, else synthetic clips; 120 of them if quick."""
    raw = ROOT / "data/raw"
    if not os.environ.get("RAVDESS_SOURCE") and len(list(raw.glob("Actor_*/*.wav"))) == CLIPS:
        os.environ["RAVDESS_SOURCE"] = str(raw)
    if quick or not os.environ.get("RAVDESS_SOURCE"):
        return "synthetic corpus"
    os.environ["RAVDESS_SOURCE"] = str(Path(os.environ["RAVDESS_SOURCE"]).expanduser().resolve())
    return "RAVDESS"


def copy_to(folder: Path, quick: bool, overrides: dict[str, object], *stages: str) -> None:
    """Copy this project, with the chosen corpus and `overrides` in its params, and run some stages there."""
    chosen = QUICK if quick else {} if os.environ.get("RAVDESS_SOURCE") else SYNTHETIC
    run(worker("copying", str(folder), json.dumps(chosen | overrides)), ROOT)
    for stage in stages:
        run([sys.executable, "-m", f"stages.{stage}"], folder)


def discard_checkpoints(folder: Path) -> None:
    """Leave nothing of a training that was ended by its steps: the next one shall not go on from there."""
    shutil.rmtree(folder / ".resume", ignore_errors=True)


def dvc(*arguments: str) -> list[str]:
    """The command of DVC with these arguments."""
    return [sys.executable, "-m", "dvc", *arguments]


def clips_in(folder: Path) -> list[dict[str, str]]:
    """The rows of the clip table of a copy."""
    with (folder / "data/clips.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def steps_an_epoch(folder: Path) -> int:
    """How many batches the training clips of a copy make."""
    with (folder / "data/splits.csv").open(encoding="utf-8") as file:
        return -(-sum(row["split"] == "train" for row in csv.DictReader(file)) // BATCH)
