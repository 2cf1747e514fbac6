"""What commands need of git and of the checkout: said before they work, and no other repository is touched."""

import subprocess
import sys
from pathlib import Path

import pytest
from dvc.repo import Repo

from scripts import demo, seeds
from scripts import mend as mending
from scripts.checkout import in_git, require_ascii_cache, require_git, require_history
from scripts.children import PLACES, GitError, dvc, environment, git
from scripts.mend import mend
from scripts.projects import ROOT
from scripts.report import __main__ as report
from scripts.verify import __main__ as verify
from tests.repositories import cloned, commit
from tests.repositories import git as git_as_somebody

PIPELINE = "stages: {copy: {cmd: cp a b, deps: [a], outs: [b]}}\n"


@pytest.fixture
def repository(tmp_path) -> Path:
    """A DVC project of one stage in a git repository with two commits."""
    project = tmp_path / "project"
    project.mkdir()
    git(project, "init")
    Repo.init(str(project)).close()
    (project / "dvc.yaml").write_text(PIPELINE, encoding="utf-8")
    for content in ("1", "2"):
        (project / "a").write_text(content, encoding="utf-8")
        commit(project)
    return project


@pytest.fixture
def archive(tmp_path) -> Path:
    """The same project as an archive of it is unpacked: without .git."""
    project = tmp_path / "archive"
    (project / ".dvc").mkdir(parents=True)
    (project / ".dvc/config").touch()
    (project / "dvc.yaml").write_text(PIPELINE, encoding="utf-8")
    (project / "a").write_text("1", encoding="utf-8")
    return project


@pytest.fixture
def refused(repository, monkeypatch) -> Path:
    """A repository that git refuses to read, as one that belongs to another user."""
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # git's own tests use it
    return repository


COMMANDS = {"report": (report.main, ["--base", "main"]), "verify": (verify.main, []), "mend": (mending.main, [])}


def message(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the message with which a command of ours ends in a folder."""
    main, arguments = COMMANDS[name]
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return str(ended.value)


def test_children_know_all_that_git_says_of_a_repository():
    names = git(ROOT, "rev-parse", "--local-env-vars").decode().split()
    assert {name for name in names if not name.startswith("GIT_CONFIG")} <= set(PLACES)


def test_git_in_a_hook_works_on_the_folder_it_is_given(repository, tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    before = git(repository, "log", "--all")
    monkeypatch.setenv("GIT_DIR", str(repository / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(repository / ".git/index"))
    git_as_somebody(tmp_path / "other", "init")
    git_as_somebody(tmp_path / "other", "commit", "--allow-empty", "--message", "other")
    assert git(tmp_path / "other", "rev-list", "--count", "HEAD") == b"1\n"
    assert git(repository, "log", "--all") == before
    assert git(repository, "status", "--porcelain") == b""


def test_git_that_fails_says_why(tmp_path, monkeypatch):
    with pytest.raises(GitError, match=f"git in {tmp_path}: fatal: not a git repository"):
        git(tmp_path, "status")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(GitError, match="git is not installed, or not in PATH"):
        git(tmp_path, "status")


def test_a_shallow_clone_is_refused_before_an_experiment(repository, tmp_path):
    require_history(repository)
    git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{repository}", "shallow")
    with pytest.raises(ValueError, match=r"shallow is a shallow clone, .*: git fetch --unshallow"):
        require_history(tmp_path / "shallow")
    git(tmp_path / "shallow", "fetch", "--quiet", "--unshallow")
    require_history(tmp_path / "shallow")


def test_a_clone_of_a_shallow_clone_has_its_commit(repository, tmp_path):
    """So `make verify` needs no history."""
    git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{repository}", "shallow")
    assert (cloned(tmp_path / "shallow", tmp_path / "clone") / "a").read_text() == "2"


def test_a_cache_whose_path_is_not_ascii_is_refused_and_moving_it_helps(repository, tmp_path):
    project = repository.rename(tmp_path / "Prüfung")
    with pytest.raises(ValueError, match=r"Prüfung/\.dvc/cache.*plain ASCII.* dvc cache dir --local /path/to/cache"):
        require_ascii_cache(project)
    (tmp_path / "cache").mkdir()
    dvc(project, "cache", "dir", "--local", str(tmp_path / "cache"))
    require_ascii_cache(project)
    dvc(project, "exp", "run", "--quiet", "--temp", "--name", "there")
    assert b"refs/exps/" in git(project, "for-each-ref")


def test_seeds_says_what_is_missing_before_it_trains(repository, tmp_path, monkeypatch):
    git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{repository}", "shallow")
    monkeypatch.setattr(seeds, "ROOT", tmp_path / "shallow")
    monkeypatch.setattr(seeds, "run", lambda seed: pytest.fail("it trains"))
    monkeypatch.setattr(sys, "argv", ["seeds", "42", "43"])
    with pytest.raises(SystemExit, match=r"seeds: .*shallow clone"):
        seeds.main()


def test_a_folder_without_git_runs(archive):
    assert dvc(archive, "repro", check=False, capture_output=True).returncode
    assert mend(archive) == [
        "no git repository here: DVC works without; after `git init`: dvc config --local --unset core.no_scm"
    ]
    dvc(archive, "repro", "--quiet")
    assert (archive / "b").read_text() == "1"
    assert mend(archive) == []


@pytest.mark.parametrize("name", ["report", "verify"])
def test_commands_that_read_commits_say_so_where_none_are(name, archive, monkeypatch):
    assert message(name, archive, monkeypatch) == (
        f"{name}: {archive} is in no git repository, as an unpacked archive is; this needs one: `git clone`"
    )


@pytest.mark.parametrize("name", ["report", "verify"])
def test_commands_pass_on_why_git_refuses(name, refused, monkeypatch):
    said = message(name, refused, monkeypatch)
    assert said.startswith(f"{name}: git in {refused}: fatal: detected dubious ownership in repository")
    assert f"git config --global --add safe.directory {refused}" in said


def test_nothing_is_taken_for_uncommitted_where_git_refuses(refused, monkeypatch):
    (refused / "dvc.lock").write_text("schema: '2.0'\nsta", encoding="utf-8")
    assert message("mend", refused, monkeypatch).startswith(
        f"mend: git in {refused}: fatal: detected dubious ownership"
    )
    assert (refused / "dvc.lock").exists()


def test_git_is_asked_of_what_it_refuses(refused):
    for ask in (in_git, require_git):
        with pytest.raises(GitError, match=r"safe\.directory"):
            ask(refused)


def test_demo_copies_what_git_lists_and_needs_no_git_for_it(monkeypatch):
    listed = git(ROOT, "ls-files", "-coz", "--exclude-standard").decode().split("\0")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    copied = {path.as_posix() for path in demo._project_files()}
    assert copied == {name for name in listed if (ROOT / name).is_file()}


def test_demo_leaves_outputs_and_environments_behind(tmp_path, monkeypatch):
    for name in (".gitignore", "data/.gitignore", ".dvc/.gitignore"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    ignored = ("data/raw/Actor_01/a.wav", ".venv/bin/python", ".dvc/cache/files/md5/00/1", ".dvc/config.local")
    for name in (*ignored, "dvc.yaml", "data/design.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.setattr(demo, "ROOT", tmp_path)
    copied = {path.as_posix() for path in demo._project_files()}
    assert copied == {".gitignore", "data/.gitignore", ".dvc/.gitignore", "dvc.yaml", "data/design.csv"}


def test_two_demos_at_once_do_not_share_a_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "ROOT", tmp_path)
    (tmp_path / ".demo").mkdir()
    (tmp_path / ".demo/of the first").touch()

    def first(folder: Path) -> None:
        monkeypatch.setattr(demo, "run", lambda folder: pytest.fail("the second runs"))
        with pytest.raises(SystemExit, match=r"demo: another `make demo` is at work in \.demo/"):
            demo.main()
        (folder / "of the first").unlink()

    monkeypatch.setattr(demo, "run", first)
    demo.main()
    assert not (tmp_path / ".demo/of the first").exists()


def test_a_user_whom_the_system_does_not_know_has_a_name_for_dvc(monkeypatch):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    assert environment()["LOGNAME"] == "unknown"
    monkeypatch.setenv("USER", "somebody")
    assert "LOGNAME" not in environment()


def test_what_a_terminal_cannot_show_is_no_error(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    command = [sys.executable, "-c", "print('42 → 43')"]
    printed = subprocess.run(command, env=environment() | {"LC_ALL": "C"}, capture_output=True, check=True).stdout
    assert printed.startswith(b"42 ")
