"""`make deps`: the lists of code in a dvc.yaml follow the imports; all else in it stays as it was written."""

import pytest

from scripts.deps import imported_files, with_code
from scripts.projects import PROJECTS, ROOT

CODE = {
    "project/__init__.py": "",
    "project/run.py": "from ser import first\n",
    "project/other.py": "def late():\n    from ser.second import value\n",
    "ser/__init__.py": "",
    "ser/first.py": "import json\n\nfrom ser.third import value\n",
    "ser/second.py": "value = 1\n",
    "ser/third.py": "value = 2\n",
    "ser/unused.py": "value = 3\n",
    "tools/__init__.py": "",
    "tools/run.py": "import sys\n",
}
BEFORE = """# A comment at the top
stages:
  run:   # a comment beside
    cmd: cd .. && python -m project.run ${item.fold} one
    deps: &shared
      - run.py
      # a comment between
      - data.csv  # a comment behind
      - ../ser/gone.py
    outs:
      - out.txt

  other:
    cmd: cd .. && python -m tools.run project.other --option two.words
    deps: *shared
    outs: [other.txt]

  bare:
    cmd: cd .. && python -m project.other
    deps:
    outs: [bare.txt]
"""
AFTER = """# A comment at the top
stages:
  run:   # a comment beside
    cmd: cd .. && python -m project.run ${item.fold} one
    deps: &shared
      # a comment between
      - data.csv  # a comment behind
      - other.py
      - run.py
      - ../ser/first.py
      - ../ser/second.py
      - ../ser/third.py
      - ../tools/run.py
    outs:
      - out.txt

  other:
    cmd: cd .. && python -m tools.run project.other --option two.words
    deps: *shared
    outs: [other.txt]

  bare:
    cmd: cd .. && python -m project.other
    deps:
      - other.py
      - ../ser/second.py
    outs: [bare.txt]
"""


@pytest.fixture
def root(tmp_path):
    for name, text in CODE.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_lists_get_what_is_imported_and_nothing_else_changes(root):
    assert with_code(BEFORE, root / "project", root) == AFTER


def test_twice_changes_nothing(root):
    assert with_code(AFTER, root / "project", root) == AFTER


def test_imports_within_functions_count_and_empty_files_do_not(root):
    names = {path.relative_to(root).as_posix() for path in imported_files("project.run", root)}
    assert names == {"project/run.py", "ser/first.py", "ser/third.py"}
    assert imported_files("project.other", root) == {root / "project/other.py", root / "ser/second.py"}


def test_a_stage_without_deps_is_named(root):
    with pytest.raises(ValueError, match="stage run: has no deps"):
        with_code("stages:\n  run: {cmd: python -m project.run}\n", root / "project", root)


@pytest.mark.parametrize("project", PROJECTS, ids=str)
def test_lists_of_this_repository_are_up_to_date(project):
    path = ROOT / project / "dvc.yaml"
    text = path.read_text(encoding="utf-8")
    assert with_code(text, path.parent, ROOT) == text, "`make deps` writes them anew"
