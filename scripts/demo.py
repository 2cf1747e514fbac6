"""Run the whole pipeline on a small synthetic corpus in `.demo/`, a copy of this project; write nothing else."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from dulwich.ignore import IgnoreFilterManager
from filelock import FileLock, Timeout

from scripts.children import dvc, environment
from scripts.projects import ROOT
from ser.arithmetic.portable import can_be_portable
from ser.storage.dotted import override
from ser.storage.errors import reporting
from ser.storage.yaml12 import dump_yaml, read_yaml

# A few minutes on two cores, and enough for each network to learn
DEMO = {
    "corpus.name": "synthetic",
    "synthetic.actors": 6,
    "runtime.portable": can_be_portable(),
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
    params_path.write_text(dump_yaml(override(read_yaml(params_path), overrides), in_one_line=False), encoding="utf-8")
    dvc(destination, "config", "--local", "core.no_scm", "true")


def _project_files() -> Iterator[Path]:
    """Yield the files that no .gitignore names, by git's rules and without git, which may be missing or refuse."""
    is_ignored = IgnoreFilterManager(str(ROOT), [], ignorecase=False).is_ignored
    for place, folders, names in os.walk(ROOT):
        here = Path(place).relative_to(ROOT)
        folders[:] = [name for name in folders if name != ".git" and not is_ignored(f"{(here / name).as_posix()}/")]
        yield from (here / name for name in names if name != ".git" and not is_ignored((here / name).as_posix()))


def main() -> None:
    try:
        with FileLock(ROOT / ".dvc/tmp/demo.lock", blocking=False):
            run(ROOT / ".demo")
    except Timeout:
        raise SystemExit("demo: another `make demo` is at work in .demo/; wait until it has ended") from None
    except subprocess.CalledProcessError as error:  # DVC has said why
        raise SystemExit(f"demo: {error}") from None


def run(demo: Path) -> None:
    """Run the pipeline in a new copy and show what came of it."""
    shutil.rmtree(demo, ignore_errors=True)
    copy_project(demo, DEMO)
    dvc(demo, "repro")
    dvc(demo, "plots", "show", capture_output=True)
    clip = next((demo / "data/raw").rglob("*.wav")).relative_to(demo)
    command = ["-m", "scripts.recognise", "models/compact", str(clip)]
    print("\nThe clips are synthetic: these scores say nothing about speech.")
    print("Every plot on one page: .demo/dvc_plots/index.html; images: .demo/plots/")
    print(f"\nA model on one clip, in .demo/: python {' '.join(command)}", flush=True)
    subprocess.run([sys.executable, *command], cwd=demo, env=environment(), check=True)


if __name__ == "__main__":
    with reporting("demo"):
        main()
