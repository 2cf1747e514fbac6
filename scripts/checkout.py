"""What a command needs of git and of this checkout, said before it works."""

from pathlib import Path

from dvc.repo import Repo

from scripts.children import GitError, git


def in_git(folder: Path) -> bool:
    """Tell whether a folder is in a git repository; GitError where git refuses to read it, as one of another user."""
    try:
        git(folder, "rev-parse", "--git-dir")
    except GitError as error:
        if "not a git repository" in str(error):
            return False
        raise
    return True


def require_git(folder: Path) -> None:
    """Raise ValueError where there are no commits to read."""
    if not in_git(folder):
        raise ValueError(f"{folder} is in no git repository, as an unpacked archive is; this needs one: `git clone`")


def require_history(folder: Path) -> None:
    """Raise ValueError in a shallow clone.

    DVC runs an experiment in a copy of the commit, and brings the outcome back by a fetch. Where the commits before are
    missing, that fetch brings nothing, and DVC says nothing.
    """
    require_git(folder)
    if git(folder, "rev-parse", "--is-shallow-repository").strip() == b"true":
        raise ValueError(
            f"{folder} is a shallow clone, in which DVC trains and then records nothing. Fetch all commits first: "
            "git fetch --unshallow"
        )


def require_ascii_cache(folder: Path) -> None:
    """Raise ValueError where DVC cannot write the path of its cache into the settings of an experiment."""
    with Repo(str(folder)) as repo:
        cache = Path(repo.cache.local_cache_dir)
    if not str(cache).isascii():
        raise ValueError(
            f"{cache}: DVC runs experiments only with a cache whose path is plain ASCII. Move it to such a folder: "
            f"mv {str(cache)!r} /path/to/cache && dvc cache dir --local /path/to/cache"
        )
