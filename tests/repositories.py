"""A finished run as a git repository, and clones of it without data."""

import subprocess
from pathlib import Path

from tests.pipeline import copy_finished


def git(repository: Path, *arguments: str) -> None:
    """Run git as somebody."""
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=repository, check=True, capture_output=True)


def committed(finished: Path, repository: Path) -> Path:
    """Copy a finished run with its outputs and cache into a new repository with one commit."""
    copy_finished(finished, repository)
    (repository / ".dvc/config.local").unlink()  # it says that there is no git
    git(repository, "init")
    commit(repository)
    return repository


def commit(repository: Path) -> None:
    """Commit all files."""
    git(repository, "add", ".")
    git(repository, "commit", "--message", "all")


def cloned(repository: Path, destination: Path) -> Path:
    """Clone a repository, which brings what git has and no data."""
    git(repository, "clone", "--quiet", ".", str(destination))
    return destination
