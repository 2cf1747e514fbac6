"""Rerun the last commit from scratch in a clone and compare the outputs; fail where one is not as promised."""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.repo import Repo

from benchmarks import machine
from scripts.check_lock import stale_inputs
from scripts.checkout import require_git
from scripts.children import dvc, git
from scripts.compare_locks import aligned, compare_outputs
from scripts.report.reruns import parse_lock
from scripts.verify.checks import BROKEN, KEPT, Row, judge, read_committed
from ser.storage.errors import reporting

LOCAL_PATHS = {"RAVDESS_SOURCE", "RAVDESS_CACHE"}  # which the stages would look for in the clone


def main() -> None:
    parser = argparse.ArgumentParser(prog="verify", description=__doc__)
    parser.add_argument("--until", nargs="+", default=[], metavar="STAGE", help="only these and what they need")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="rerun in this new folder and keep it")
    arguments = parser.parse_args()
    for name in LOCAL_PATHS & os.environ.keys():
        os.environ[name] = str(Path(os.environ[name]).expanduser().absolute())
    try:
        require_git(Path.cwd())
        with Repo() as repo, clone(Path(repo.root_dir), arguments.keep) as project:
            rows = verify(repo, project, arguments.until)
    except (OSError, ValueError, DvcException, subprocess.CalledProcessError) as error:
        raise SystemExit(f"verify: {error}") from error
    verdicts = [row.verdict for row in rows]
    print("\n" + aligned([Row._fields, *rows]))
    print(machine.describe())
    print(f"{verdicts.count(KEPT)} promises kept, {verdicts.count(BROKEN)} broken")
    sys.exit(BROKEN in verdicts)


@contextlib.contextmanager
def clone(root: Path, keep: Path | None) -> Iterator[Path]:
    """Clone the last commit of a repository into a folder, which is removed afterwards unless it is to be kept."""
    with contextlib.nullcontext(keep) if keep else tempfile.TemporaryDirectory(prefix="verify-") as folder:
        git(root, "clone", "--quiet", ".", str(Path(folder).absolute()))
        yield Path(folder)


def verify(repo: Repo, project: Path, until: list[str]) -> list[Row]:
    """Rerun stages in a clone of the repository and compare; ValueError if the commit has no run of its own code."""
    with Repo(str(project)) as cloned:
        stale = stale_inputs(cloned)
    if stale:
        raise ValueError(f"the last commit's dvc.lock is not of its code ({len(stale)} changes): see `make lock-check`")
    committed = read_committed(project, lambda md5: Path(repo.cache.local.oid_to_path(md5)))
    lock = project / "dvc.lock"
    before = parse_lock(lock.read_text(encoding="utf-8"))
    lock.unlink()  # what stands in it afterwards has run
    dvc(project, "repro", "--force", "--no-run-cache", *until)
    after = parse_lock(lock.read_text(encoding="utf-8"))
    return judge(compare_outputs({stage: before[stage] for stage in after}, after), project, committed)


if __name__ == "__main__":
    with reporting("verify"):
        main()
