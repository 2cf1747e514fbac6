"""A finished run as a git repository, and clones of it without data."""

from pathlib import Path

from scripts import children
from tests.pipeline import copy_finished


def git(repository: Path, *arguments: str) -> None:
    """Run git as somebody."""
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
    children.git(repository, *identity, *arguments)


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
