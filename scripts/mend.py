"""Repair `dvc.lock` and DVC's list of the files in use, where a killed DVC left one half-written.

DVC writes both in place. Killed meanwhile, it leaves half a file, which every later `dvc repro` refuses. Stages that
`dvc.lock` of the last commit lacks are in DVC's run cache, and `dvc repro` takes them from there.
"""

import json
import subprocess
from pathlib import Path

from dvc.dvcfile import LOCK_FILE, Lockfile
from dvc.exceptions import DvcException
from dvc.lock import LockError
from dvc.repo import Repo
from dvc.rwlock import RWLOCK_FILE


def mend(project: Path) -> list[str]:
    """Mend what is half-written in a project and return what was done; nothing while another DVC is at work."""
    with Repo(str(project)) as repo:
        try:
            with repo.lock:  # DVC holds it whenever it writes one of the two
                return [*_mend_lock(repo, project / LOCK_FILE), *_mend_list(Path(repo.tmp_dir, RWLOCK_FILE))]
        except LockError:
            return []


def _mend_lock(repo: Repo, path: Path) -> list[str]:
    try:
        Lockfile(repo, str(path)).load()
    except DvcException:
        command = ["git", "show", f"HEAD:./{path.name}"]
        committed = subprocess.run(command, cwd=path.parent, capture_output=True)
        if committed.returncode == 0:
            path.write_bytes(committed.stdout)
            return [f"{path.name} was half-written; it is that of the last commit again"]
        path.unlink()
        return [f"{path.name} was half-written and is removed"]
    return []


def _mend_list(path: Path) -> list[str]:
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except ValueError:
        path.unlink()
        return [f"{path.name} was half-written and is removed"]
    return []


def main() -> None:
    for line in mend(Path.cwd()):
        print(f"mend: {line}")


if __name__ == "__main__":
    main()
