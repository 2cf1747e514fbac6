"""`make`: which Python it takes, an environment that cannot be used, and what the commands get to see."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.projects import ROOT

# Stands for Python: makes an environment of itself, and otherwise says what it was asked and what it sees
PYTHON = """#!/bin/sh
case "$*" in
*version_info*) exec REAL -c "import sys; sys.version_info = (3, 10) if '$TOO_OLD' else (3, 11); $2" ;;
"-m venv .venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python && printf '#!/bin/sh\\necho pip' > .venv/bin/pip &&
    chmod +x .venv/bin/pip && echo made anew ;;
*pip*) ;;
*) echo "$*"; env | grep -E '^(GIT|RAVDESS|ENCODER|PYTHONIO|LOGNAME)' ;;
esac
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder with the Makefile, in a path with a space, and beside it what stands for Python."""
    folder = tmp_path / "a project"
    folder.mkdir()
    shutil.copy(ROOT / "Makefile", folder)
    for name in ("requirements.txt", "requirements-dev.txt"):
        (folder / name).touch()
    (tmp_path / "python").write_text(PYTHON.replace("REAL", sys.executable), encoding="utf-8")
    (tmp_path / "python").chmod(0o755)
    return folder


def make(folder: Path, *arguments: str, stand: Path | None = None, **variables: str) -> subprocess.CompletedProcess:
    """Run `make` in a folder from where somebody stands."""
    stand = stand or folder
    kept = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "LOGNAME")}
    environment = kept | {"PWD": str(stand), "PYTHON": str(folder.parent / "python")} | variables
    command = ["make", "-C", str(folder), *arguments]
    return subprocess.run(command, cwd=stand, env=environment, capture_output=True, text=True)


def test_environment_is_made_once(folder):
    assert "made anew" in make(folder, "deps").stdout
    again = make(folder, "deps")
    assert again.returncode == 0
    assert "made anew" not in again.stdout
    assert "-m scripts.deps" in again.stdout


@pytest.mark.parametrize("damage", ["its Python is gone", "its Python is too old", "its folder was renamed"])
def test_environment_that_cannot_be_used_is_made_anew(damage, folder):
    make(folder, "deps")
    (folder / ".venv/old").touch()
    if damage == "its Python is gone":
        (folder / ".venv/bin/python").unlink()
        (folder / ".venv/bin/python").symlink_to("nowhere")
    elif damage == "its Python is too old":
        python = folder / ".venv/bin/python"
        python.write_text(python.read_text(encoding="utf-8").replace("$TOO_OLD", "yes"), encoding="utf-8")
    else:
        (folder / ".venv/bin/pip").write_text("#!/old/folder/.venv/bin/python\n", encoding="utf-8")
    assert "made anew" in make(folder, "deps").stdout
    assert not (folder / ".venv/old").exists()


def test_link_to_an_environment_elsewhere_is_replaced_and_what_it_names_stays(folder):
    (folder.parent / "elsewhere").mkdir()
    (folder / ".venv").symlink_to(folder.parent / "elsewhere")
    assert "made anew" in make(folder, "deps").stdout
    assert (folder.parent / "elsewhere").is_dir()
    assert not (folder / ".venv").is_symlink()


def test_python_that_is_too_old_is_refused_before_an_environment_is_made(folder):
    refused = make(folder, "deps", TOO_OLD="yes")
    assert refused.returncode
    assert "Python 3.11 or newer is needed (tested: 3.11 to 3.13), found " in refused.stderr
    assert f"{sys.executable}. Name another: make PYTHON=python3.12" in refused.stderr
    assert not (folder / ".venv").exists()


@pytest.mark.parametrize("name", ["RAVDESS_SOURCE", "RAVDESS_CACHE", "ENCODER_SOURCE"])
@pytest.mark.parametrize("way", ["environment", "command line"])
def test_a_relative_path_is_one_from_where_the_user_stands(name, way, folder, tmp_path):
    for given, taken in (("my clips/a.zip", f"{tmp_path}/my clips/a.zip"), ("/x y/a", "/x y/a"), ("~/a", "~/a")):
        arguments = [f"{name}={given}"] if way == "command line" else []
        variables = {name: given} if way == "environment" else {}
        printed = make(folder, "deps", *arguments, stand=tmp_path, **variables).stdout
        assert f"{name}={taken}\n" in printed


def test_commands_see_no_repository_of_a_git_hook(folder):
    hook = {"GIT_DIR": "/outer/.git", "GIT_INDEX_FILE": "/outer/.git/index", "GIT_SSH_COMMAND": "ssh"}
    printed = make(folder, "deps", **hook).stdout
    assert "GIT_SSH_COMMAND=ssh" in printed
    assert "/outer" not in printed


def test_commands_print_what_the_terminal_can_show_and_know_a_name_of_the_user(folder):
    printed = make(folder, "deps", PYTHONIOENCODING="latin-1").stdout
    assert "PYTHONIOENCODING=:replace\n" in printed
    assert "LOGNAME=" in printed
