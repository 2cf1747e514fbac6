"""`make results`: projects run in order, what will run is said first, and a run that was stopped goes on."""

from pathlib import Path

import pytest
from dvc.repo import Repo

from scripts import results
from scripts.demo import dvc
from scripts.results import duration, minutes_of, stages_to_run, tabulate
from tests.repositories import git

FIRST = """stages:
  embed: {cmd: cp source.txt made.txt && echo first >> ../ran, deps: [source.txt], outs: [made.txt]}
"""
SECOND = """stages:
  read:
    matrix: {fold: [1, 2]}
    cmd: cp ../first/made.txt read-${item.fold}.txt && echo read-${item.fold} >> ../ran
    deps: [../first/made.txt]
    outs: ["read-${item.fold}.txt"]
  join:
    cmd: cat read-1.txt read-2.txt > joined.txt && test ! -e ../broken && echo join >> ../ran
    deps: [read-1.txt, read-2.txt]
    outs: [joined.txt]
"""


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    """Two projects, of which the second reads what the first writes."""
    git(tmp_path, "init")
    for name, pipeline in (("first", FIRST), ("second", SECOND)):
        (tmp_path / name).mkdir()
        Repo.init(str(tmp_path / name), subdir=True).close()
        (tmp_path / name / "dvc.yaml").write_text(pipeline, encoding="utf-8")
    (tmp_path / "first/source.txt").write_text("1\n", encoding="utf-8")
    monkeypatch.setattr(results, "ROOT", tmp_path)
    monkeypatch.setattr(results, "PROJECTS", (Path("first"), Path("second")))
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr("sys.argv", ["results", *arguments])
    results.main()


def test_projects_run_in_order_and_then_nothing_is_left(root, monkeypatch, capfd):
    run(monkeypatch)
    assert (root / "ran").read_text().split() == ["first", "read-1", "read-2", "join"]
    printed = capfd.readouterr().out
    assert printed.index("in all 4 instances") < printed.index("results: first") < printed.index("results: second")
    run(monkeypatch)
    assert "all projects are up to date" in capfd.readouterr().out


def test_a_dry_run_says_what_would_run_and_runs_nothing(root, monkeypatch, capfd):
    run(monkeypatch, "--dry-run")
    assert not (root / "ran").exists()
    rows = [line.split() for line in capfd.readouterr().out.splitlines()]
    assert ["first", "embed", "1", "1", "min"] in rows
    assert ["second", "read", "2", "1", "min"] in rows


def test_a_run_that_was_stopped_goes_on_where_it_was(root, monkeypatch):
    (root / "broken").touch()
    with pytest.raises(SystemExit, match="results: second ended with status 255; run it again to go on"):
        run(monkeypatch)
    (root / "broken").unlink()
    run(monkeypatch)
    assert (root / "ran").read_text().split() == ["first", "read-1", "read-2", "join"]


def test_what_reads_from_a_changed_stage_counts(root):
    dvc(root / "first", "repro", "--quiet")
    dvc(root / "second", "repro", "--quiet")
    (root / "second/read-1.txt").write_text("by hand", encoding="utf-8")
    with Repo(str(root / "second")) as repo:
        assert set(stages_to_run(repo)) == {"read@1", "join"}


def test_instances_of_one_stage_are_one_row():
    table = tabulate({Path("a"): ["compact_luna@luna-1-1", "compact_luna@luna-2-1"], Path("b"): []})
    assert [line.split() for line in table.splitlines()][1][:3] == ["a", "compact_luna", "2"]


def test_times_are_of_an_instance_and_long_ones_are_hours():
    assert minutes_of("train_cnn") > minutes_of("evaluate@cnn")
    assert [duration(0.1), duration(45.2), duration(200)] == ["1 min", "45 min", "3 h"]
