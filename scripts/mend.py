"""Make a project ready for `dvc repro`: repair what a killed DVC left half-written, and go without git where none is.

DVC writes `dvc.lock` and its list of the files in use in place. Killed meanwhile, it leaves half a file, which every
later `dvc repro` refuses. Stages that `dvc.lock` of the last commit lacks are in DVC's run cache, and `dvc repro` takes
them from there.
"""

import contextlib
import json
from pathlib import Path

from dvc.config import Config
from dvc.dvcfile import LOCK_FILE, Lockfile
from dvc.exceptions import DvcException
from dvc.lock import LockError
from dvc.repo import Repo
from dvc.rwlock import RWLOCK_FILE
from dvc.scm import SCMError

from scripts.checkout import in_git
from scripts.children import GitError, git
from ser.storage.errors import reporting


def mend(project: Path) -> list[str]:
    """Make a project ready and return what was done; what is half-written stays while another DVC is at work."""
    done = _go_without_git(project)
    with Repo(str(project)) as repo:
        try:
            with repo.lock:  # DVC holds it whenever it writes one of the two
                return [*done, *_mend_lock(repo, project / LOCK_FILE), *_mend_list(Path(repo.tmp_dir, RWLOCK_FILE))]
        except LockError:
            return done


def _go_without_git(project: Path) -> list[str]:
    """Tell DVC where there is no repository, as in an unpacked archive; it would refuse all work."""
    try:
        Repo(str(project)).close()
        return []
    except SCMError:
        with Config(str(project / Repo.DVC_DIR), validate=False).edit("local") as config:
            config["core"]["no_scm"] = True
        return ["no git repository here: DVC works without; after `git init`: dvc config --local --unset core.no_scm"]


def _mend_lock(repo: Repo, path: Path) -> list[str]:
    try:
        Lockfile(repo, str(path)).load()
    except DvcException:
        if in_git(path.parent):
            with contextlib.suppress(GitError):  # not committed yet
                path.write_bytes(git(path.parent, "show", f"HEAD:./{path.name}"))
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
    try:
        for line in mend(Path.cwd()):
            print(f"mend: {line}")
    except (OSError, ValueError, DvcException) as error:
        raise SystemExit(f"mend: {error}") from error


if __name__ == "__main__":
    with reporting("mend"):
        main()
