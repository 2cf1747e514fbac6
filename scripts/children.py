"""Child processes: DVC and git, with this Python and without what a git hook says of its own repository."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

# `git rev-parse --local-env-vars`, but for settings: set for the commands of a hook, they name the hook's repository
PLACES = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_PREFIX",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NAMESPACE",
    "GIT_SHALLOW_FILE",
    "GIT_GRAFT_FILE",
    "GIT_REPLACE_REF_BASE",
    "GIT_NO_REPLACE_OBJECTS",
)


class GitError(ValueError):
    """Git could not do it; the message is its own, with what to do."""


def environment() -> dict[str, str]:
    """Return the environment of children.

    `python`, as the commands in dvc.yaml say, is the Python that runs this. What a terminal cannot show is printed as
    `?`, and a user whom the system does not know has a name, which DVC asks for.
    """
    kept = {name: value for name, value in os.environ.items() if name not in PLACES}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    name = {} if kept.keys() & {"LOGNAME", "USER", "USERNAME"} else {"LOGNAME": "unknown"}
    return kept | {"PATH": path, "PYTHONIOENCODING": ":replace"} | name


def dvc(project: Path, *arguments: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run DVC in a project with the Python that runs this; `options` are those of `subprocess.run`."""
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(command, cwd=project, env=environment(), text=True, check=check, **options)


def git(folder: Path, *arguments: str) -> bytes:
    """Run git in a folder and return what it prints; GitError says why it could not."""
    english = environment() | {"LC_ALL": "C"}
    try:
        ran = subprocess.run(["git", *arguments], cwd=folder, env=english, capture_output=True)
    except FileNotFoundError:
        raise GitError("git is not installed, or not in PATH") from None
    if ran.returncode:
        raise GitError(f"git in {folder}: {ran.stderr.decode(errors='replace').strip()}")
    return ran.stdout
