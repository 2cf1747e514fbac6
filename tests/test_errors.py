"""No traceback reaches a user: what was expected is one message, and anything else says how to report it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from scripts.demo import ROOT
from ser.storage.errors import reporting
from tests.test_architecture import RUNNABLE, module_of

# What starts a stage ends as the stage does, and what a benchmark starts is read by the benchmark
STARTED = {ROOT / "scripts/run.py", ROOT / "benchmarks/notebook.py"}
CHILDREN = {ROOT / "benchmarks/workers", ROOT / "benchmarks/peers"}
SCRIPTS = sorted(path for path in RUNNABLE - STARTED if path.parent not in CHILDREN)


def ending(error: BaseException) -> str:
    """What the stage `mix` says when this is raised in it."""
    with pytest.raises(SystemExit) as ended, reporting("mix"):
        raise error
    return str(ended.value)


@pytest.fixture(autouse=True)
def temporary_files(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("error", [ValueError("a.csv: no rows"), OSError("a.csv: disk full")])
def test_an_expected_error_is_its_message(error, temporary_files):
    assert ending(error) == f"mix: {error}"
    assert not list(temporary_files.iterdir())


@pytest.mark.parametrize("error", [KeyError("colour"), IndexError("out of range"), TypeError("a"), ZeroDivisionError()])
def test_an_unexpected_error_says_what_and_where_it_was_and_how_to_report_it(error, temporary_files):
    said = ending(error)
    assert said.startswith(f"mix: a fault of this program: {type(error).__name__}: ")
    assert "It came from test_errors.py, line " in said
    assert "Traceback" not in said and "\n" not in said
    (details,) = temporary_files.iterdir()
    assert f"Please report it with {details}: docs/DAMAGE.md says how." in said
    written = details.read_text(encoding="utf-8")
    assert written.startswith("Traceback (most recent call last):") and type(error).__name__ in written


def test_the_page_that_is_named_says_how_to_report():
    page = (ROOT / "docs/DAMAGE.md").read_text(encoding="utf-8")
    assert "\n## A fault of this program\n" in page


def test_too_little_memory_is_said_in_words(temporary_files):
    assert ending(MemoryError("12 GB")).startswith("mix: not enough memory: MemoryError: 12 GB. Close other programs")
    with pytest.raises(SystemExit, match="not enough memory: RuntimeError"), reporting("mix"):
        torch.empty(2**60)
    assert not list(temporary_files.iterdir())


def test_ctrl_c_ends_a_stage_without_a_traceback(capsys):
    assert ending(KeyboardInterrupt()) == "130"
    assert capsys.readouterr().err == "mix: interrupted; the same command continues\n"


def test_a_stage_that_fails_unexpectedly_prints_one_line(tmp_path):
    script = tmp_path / "mix.py"
    script.write_text("from ser.storage.errors import reporting\nwith reporting('mix'):\n    {}['colour']\n")
    ended = subprocess.run(
        [sys.executable, script], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert re.fullmatch(r"mix: a fault of this program: KeyError: 'colour'\. .*\n", ended.stderr)
    Path(re.search(r"report it with (\S+):", ended.stderr)[1]).unlink()


@pytest.mark.parametrize("path", SCRIPTS, ids=module_of)
def test_every_script_ends_by_these_rules(path):
    text = path.read_text(encoding="utf-8")
    assert "with reporting(" in text or "write_copy(" in text  # the latter does so itself
