"""What DVC writes in place and leaves half-written when it is ended: put right, with results from the run cache."""

import shutil
from pathlib import Path

import pytest
from dvc.repo import Repo

from scripts.demo import dvc
from scripts.mend import mend
from tests.repositories import commit, git

PIPELINE = """stages:
  first: {cmd: cp source.txt first.txt && echo ran >> ../runs, deps: [source.txt], outs: [first.txt]}
  second: {cmd: cp first.txt second.txt && echo ran >> ../runs, deps: [first.txt], outs: [second.txt]}
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A folder with a project of two stages that ran once, in a git repository without a commit."""
    folder = tmp_path_factory.mktemp("mend")
    project = folder / "project"
    project.mkdir()
    git(project, "init")
    Repo.init(str(project)).close()
    (project / "dvc.yaml").write_text(PIPELINE, encoding="utf-8")
    (project / "source.txt").write_text("1", encoding="utf-8")
    dvc(project, "repro", "--quiet")
    return folder


@pytest.fixture
def project(finished, tmp_path) -> Path:
    """A copy of it, to be damaged."""
    return shutil.copytree(finished, tmp_path, dirs_exist_ok=True) / "project"


def runs(project: Path) -> int:
    return len((project.parent / "runs").read_text(encoding="utf-8").splitlines())


def test_what_is_whole_is_left_alone(project):
    assert mend(project) == []
    (project / "dvc.lock").unlink()
    (project / ".dvc/tmp/rwlock").unlink()
    assert mend(project) == []


def test_lock_cut_short_is_refused_by_dvc_and_mended_without_a_run(project):
    whole = (project / "dvc.lock").read_bytes()
    (project / "dvc.lock").write_bytes(whole[: whole.index(b"first")])
    assert dvc(project, "repro", check=False, capture_output=True).returncode != 0
    assert mend(project) == ["dvc.lock was half-written and is removed"]
    dvc(project, "repro", "--quiet")
    assert (project / "dvc.lock").read_bytes() == whole
    assert runs(project) == 2


def test_lock_cut_short_anywhere_is_mended_or_still_readable(project, monkeypatch):
    """A beginning that DVC can read lacks stages or parts of one, which run again at worst; nothing wrong is kept."""
    monkeypatch.chdir(project)
    whole = (project / "dvc.lock").read_bytes()
    for length in range(0, len(whole), 11):
        (project / "dvc.lock").write_bytes(whole[:length])
        mend(project)
        with Repo(str(project)) as repo:
            repo.reproduce()
            assert not repo.status()
        assert (project / "second.txt").read_text() == "1"


def test_committed_lock_takes_the_place_of_half_of_a_later_one(project):
    commit(project)
    whole = (project / "dvc.lock").read_bytes()
    (project / "dvc.lock").write_bytes(b"")
    assert mend(project) == ["dvc.lock was half-written; it is that of the last commit again"]
    assert (project / "dvc.lock").read_bytes() == whole


def test_list_of_files_in_use_cut_short_is_mended(project):
    (project / ".dvc/tmp/rwlock").write_text('{"read": {', encoding="utf-8")
    (project / "second.txt").unlink()
    assert "RWLock-file" in dvc(project, "repro", check=False, capture_output=True).stderr
    assert mend(project) == ["rwlock was half-written and is removed"]
    dvc(project, "repro", "--quiet")
    assert (project / "second.txt").exists()


def test_nothing_is_touched_while_another_dvc_is_at_work(project):
    (project / "dvc.lock").write_bytes(b"")
    with Repo(str(project)) as repo, repo.lock:
        assert mend(project) == []
    assert (project / "dvc.lock").read_bytes() == b""
