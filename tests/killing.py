"""Commands that are killed, and what they have to make anew."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from scripts.children import environment

REPRO = (sys.executable, "-m", "dvc", "repro")


def forget(project: Path, stage: str) -> None:
    """Remove a stage's outputs and all that DVC knows of its runs, so that it has to run."""
    lock = yaml.safe_load((project / "dvc.lock").read_text(encoding="utf-8"))
    for out in lock["stages"].pop(stage)["outs"]:
        path = project / out["path"]
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    (project / "dvc.lock").write_text(yaml.safe_dump(lock), encoding="utf-8")
    shutil.rmtree(project / ".dvc/cache/runs", ignore_errors=True)


def appeared(project: Path, pattern: str, began: float) -> bool:
    """Whether a file was made since then; what an earlier process left behind does not count."""
    for path in project.glob(pattern):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime > began:
                return True
    return False


def kill_after(folder: Path, command: Sequence[str], seconds: float) -> bool:
    """Kill a command after so many seconds; False if it ended before."""
    return kill_when(folder, command, lambda began: time.time() > began + seconds)


def kill_when(folder: Path, command: Sequence[str], reached: Callable[[float], bool], group: bool = True) -> bool:
    """Kill a command, or all of its process group, once `reached(began)`; False if it ended before."""
    began = time.time()
    with (folder / ".log").open("w", encoding="utf-8") as output:
        options = {"stdout": output, "stderr": subprocess.STDOUT, "start_new_session": True}
        process = subprocess.Popen(command, cwd=folder, env=environment(), **options)
    while process.poll() is None:
        if reached(began):
            os.killpg(process.pid, signal.SIGKILL) if group else process.kill()
            process.wait()
            return True
        time.sleep(0.001)
    assert process.returncode == 0, (folder / ".log").read_text(encoding="utf-8")
    return False
