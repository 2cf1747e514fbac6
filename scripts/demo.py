"""Run the whole pipeline on a small synthetic corpus in `.demo/`, a copy of this project; write nothing else."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from scripts.projects import ROOT
from ser.storage.dotted import override

# A few minutes on two cores, and enough for each network to learn
DEMO = {
    "corpus.name": "synthetic",
    "synthetic.actors": 6,
    "train_cnn.epochs": 4,
    "train_lstm.epochs": 8,
    "train_extractor.epochs": 4,
    "train_compact.schedule.epochs": 40,
}


def copy_project(destination: Path, overrides: Mapping[str, object]) -> None:
    """Copy the sources of this project into a new folder: a DVC project without git, with `overrides` in its params.

    Left behind are `dvc.lock` and the caches, so that every stage runs. Overrides are named as in
    `dvc exp run -S`: `split.seed`; KeyError says which is no param.
    """
    for path in _project_files():
        (destination / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, destination / path)
    (destination / "dvc.lock").unlink(missing_ok=True)
    params_path = destination / "params.yaml"
    params = override(yaml.safe_load(params_path.read_text(encoding="utf-8")), overrides)
    params_path.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    dvc(destination, "config", "--local", "core.no_scm", "true")


def dvc(project: Path, *arguments: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run DVC in a project with the Python that runs this; `options` are those of `subprocess.run`."""
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(command, cwd=project, env=environment(), text=True, check=check, **options)


def environment() -> dict[str, str]:
    """The environment in which `python`, as the commands in dvc.yaml say, is the Python that runs this."""
    return {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}


def _project_files() -> list[Path]:
    """Tracked and new files; all that are not hidden where this is no git repository, such as an unpacked archive."""
    command = ["git", "ls-files", "-coz", "--exclude-standard"]
    try:
        names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
        paths = [ROOT / name for name in names]
    except (FileNotFoundError, subprocess.CalledProcessError):
        paths = [ROOT / ".dvc/config", *ROOT.glob(".dvc/plots/*"), *ROOT.glob("[!.]*"), *ROOT.glob("[!.]*/**/*")]
    return [path.relative_to(ROOT) for path in paths if path.is_file()]


def main() -> None:
    demo = ROOT / ".demo"
    shutil.rmtree(demo, ignore_errors=True)
    copy_project(demo, DEMO)
    dvc(demo, "repro")
    dvc(demo, "plots", "show", capture_output=True)
    print("\n" + pd.read_csv(demo / "metrics/comparison.csv").to_string(index=False, na_rep="-"))
    print("\nEvery plot on one page: .demo/dvc_plots/index.html; images: .demo/plots/")


if __name__ == "__main__":
    main()
