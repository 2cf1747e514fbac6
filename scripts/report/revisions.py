"""Names of revisions → whether they can be compared, and the files that they hold."""

import re

from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.scm import NoSCMError, RevError, resolve_rev

WORKSPACE = "workspace"  # DVC's name for the files as they are, committed or not


def check_revisions(repo: Repo, base: str, head: str) -> tuple[str, str]:
    """Return the names by which DVC and the reader know two revisions; ValueError if they cannot be compared."""
    if base == WORKSPACE:
        raise ValueError("the base must be a commit, branch, tag or experiment, not the workspace")
    commits = [resolve(repo, rev) for rev in (base, head)]
    if commits[0] == commits[1]:
        raise ValueError(f"base {base} and head {head} are the same commit ({commits[0][:7]}): nothing to compare")
    return short(base), short(head)


def resolve(repo: Repo, rev: str) -> str:
    """Return the commit's full hash, or `workspace`; ValueError if there is no such revision."""
    if rev == WORKSPACE:
        return rev
    try:
        return resolve_rev(repo.scm, rev)
    except NoSCMError:
        raise ValueError(f"{repo.root_dir}: not in a git repository, so there is no revision {rev}") from None
    except RevError:
        raise ValueError(
            f"no revision {rev!r} in this clone; `git fetch` it first; a shallow clone needs "
            "`git fetch --unshallow` (in CI: check out with fetch-depth 0)"
        ) from None


def short(rev: str) -> str:
    """Cut a full hash to seven digits, as git and DVC show it."""
    return rev[:7] if re.fullmatch("[0-9a-f]{40}", rev) else rev


def read_bytes(repo: Repo, rev: str, path: str) -> bytes | None:
    """Return a file of a revision, from git or DVC's cache; None if neither has it."""
    with repo.switch(rev):
        try:
            return repo.dvcfs.read_bytes(path)
        except (FileNotFoundError, DvcException):
            return None


def read_text(repo: Repo, rev: str, path: str) -> str | None:
    """Return a UTF-8 file of a revision; None if there is none."""
    content = read_bytes(repo, rev, path)
    return None if content is None else content.decode("utf-8")
