"""A params file says the same to a stage as to DVC, which reads YAML 1.2."""

import ast
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from dvc.dependency.param import ParamsDependency
from dvc.exceptions import DvcException
from dvc.utils.hydra import apply_overrides
from dvc.utils.serialize import load_yaml
from dvc.utils.serialize import parse_yaml as parse_as_dvc

from scripts.demo import ROOT, copy_project
from scripts.projects import PROJECTS
from ser.corpora.ravdess import all_names, parse_name
from ser.storage.files import write_table
from ser.storage.params import build, read_params
from ser.storage.yaml12 import compose_yaml, dump_yaml, parse_yaml, read_yaml
from ser.training.boosting import BoostingSettings
from stages import split
from tests.pipeline import stages_of
from tests.test_architecture import imports_of

# What PyYAML, which reads YAML 1.1, takes for something else, and what it is
TRAPS = {
    "1e-05": 1e-05,
    "1e-4": 1e-4,
    "1E3": 1000.0,
    "042": 42,
    "0o52": 42,
    "0x2A": 42,
    "08": 8,
    "1:30": "1:30",
    "yes": "yes",
    "no": "no",
    "on": "on",
    "off": "off",
    "1_000": 1000,
    ".inf": float("inf"),
    "2020-01-01T00:00": "2020-01-01T00:00",
    "~": None,
    '"042"': "042",
}
PATTERNS = ("params.yaml", "[!.]*/params.yaml", "[!.]*/*/params.yaml", "[!.]*/*/*/params.yaml")
PARAMS = sorted(path.relative_to(ROOT) for pattern in PATTERNS for path in ROOT.glob(pattern))


@pytest.mark.parametrize(("text", "value"), TRAPS.items())
def test_a_value_that_versions_of_yaml_differ_on_is_what_dvc_takes_it_for(text, value):
    ours, theirs = parse_yaml(f"a: {text}", "x"), parse_as_dvc(f"a: {text}", "x")
    assert (ours, type(ours["a"])) == (theirs, type(theirs["a"])) == ({"a": value}, type(value))


@pytest.mark.parametrize("text", TRAPS)
@pytest.mark.parametrize("path", PARAMS, ids=str)
def test_every_params_file_is_what_dvc_takes_it_for_with_any_trap_in_it(tmp_path, path, text):
    copy = tmp_path / "params.yaml"
    copy.write_text((ROOT / path).read_text(encoding="utf-8") + f"\ntrap:\n  value: {text}\n  list:\n  - {text}\n")
    assert read_yaml(copy) == load_yaml(copy)


def test_the_params_files_of_all_projects_are_found():
    assert {project / "params.yaml" for project in PROJECTS} <= set(PARAMS)
    assert Path("studies/tuning/params.yaml") in PARAMS  # of a search, no project of DVC


@pytest.mark.parametrize("value", ["0.00001", "1e-05", "1e-5", "1E-5", "0.1e-4"])
def test_a_number_that_dvc_exp_run_sets_arrives(tmp_path, value):
    path = tmp_path / "params.yaml"
    path.write_text((ROOT / "params.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    apply_overrides(path, [f"train_lgbm.learning_rate={value}"])  # what `dvc exp run -S` does
    assert "learning_rate: 1e-05" in path.read_text(encoding="utf-8")
    section = read_params(path, "train_lgbm")
    assert build(BoostingSettings, section, "train_lgbm").learning_rate == 1e-05
    assert section == load_yaml(path)["train_lgbm"]


def test_a_stage_splits_by_the_seed_that_dvc_writes_into_the_lock(tmp_path, monkeypatch):
    copy_project(tmp_path, {})
    committed = (ROOT / "params.yaml").read_text(encoding="utf-8")
    names = [parse_name(path) for path in all_names(2)]
    clips = pd.DataFrame([vars(name) | {"sex": name.sex, "duplicate_of": None} for name in names])
    splits = {}
    for seed in ("042", "34", "42"):  # 34 is what YAML 1.1 takes 042 for
        changed = committed.replace("seed: 42\n\naudio", f"seed: {seed}\n\naudio")
        (tmp_path / "params.yaml").write_text(changed, encoding="utf-8")
        (params,) = [dep for dep in stages_of(tmp_path)["split"].deps if isinstance(dep, ParamsDependency)]
        assert params.read_params()["split"]["seed"] == int(seed)
        monkeypatch.chdir(tmp_path)
        write_table(clips, split.CLIPS)
        split.main()
        splits[seed] = split.SPLITS.read_bytes()
    assert splits["042"] == splits["42"] != splits["34"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: {x: 1}\nb: 2\na: 3", 'x.yaml, line 3: not readable as YAML 1.2: found duplicate key "a"'),
        ("a: [1, 2\n", "x.yaml, line 2: not readable as YAML 1.2: did not find"),
        ("a:\n\tb: 1", "x.yaml, line 2: not readable as YAML 1.2: found character that cannot start any token"),
        ("a: 1\n---\nb: 2", "x.yaml, line 2: .*another document"),
        ("a: \0", "x.yaml: .*control characters are not allowed"),
        ("a: !!python/object:os.system {}", "x.yaml, line 1: .*could not determine a constructor"),
        ("a: !!bool maybe", "x.yaml: not readable as YAML 1.2: KeyError: 'maybe'"),
        ("a: 2020-99-99", "x.yaml: not readable as YAML 1.2: ValueError: month must be in 1..12"),
        ("a: " + "1" * 5000, "x.yaml: not readable as YAML 1.2: ValueError: Exceeds the limit"),
    ],
    ids=lambda value: value[:20],
)
def test_text_that_dvc_cannot_read_is_refused_with_file_and_line(text, message):
    with pytest.raises((DvcException, ValueError, KeyError)):
        parse_as_dvc(text, "x.yaml")
    with pytest.raises(ValueError, match=f"^{message}"):
        parse_yaml(text, "x.yaml")


def test_a_file_that_is_not_utf_8_is_named(tmp_path):
    (tmp_path / "params.yaml").write_bytes("name: Zoë".encode("latin-1"))
    with pytest.raises(ValueError, match=r"params\.yaml: not UTF-8"):
        read_yaml(tmp_path / "params.yaml")


def test_a_duplicate_key_ends_a_stage_with_file_line_and_key(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text("split: {seed: 1, seed: 2}\n")
    with pytest.raises(SystemExit, match=r'^split: params\.yaml, line 1: .*duplicate key "seed"'):
        split.main()


@pytest.mark.parametrize("value", [1e-05, 0.003, 7, True, None, "on", "042", "1e-05", "a: b # c", [16, 32], {"a": [1]}])
def test_a_written_value_is_read_back_by_dvc_as_what_it_is(value):
    assert parse_as_dvc(f"a: {dump_yaml(value)}", "x") == {"a": value}


def test_nodes_know_their_places():
    text = "a: 1\nb: {c: 2}\n"
    (_, (_, section)) = compose_yaml(text).value
    ((key, value),) = section.value
    assert (key.start_mark.line, text[value.start_mark.index : value.end_mark.index]) == (1, "2")


def test_no_code_of_the_projects_reads_yaml_in_another_way():
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    paths = [ROOT / name for name in listed] or list(ROOT.glob("[!.]*/**/*.py"))
    code = [path for path in paths if path.relative_to(ROOT).parts[0] != "tests"]
    others = {path.relative_to(ROOT).as_posix() for path in code if "yaml" in imports_of(path)}
    assert others == set()
    parsing = {path for path in code if any(map(_makes_a_parser, ast.walk(ast.parse(path.read_text("utf-8")))))}
    assert parsing == {ROOT / "ser/storage/yaml12.py"}


def _makes_a_parser(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "YAML"
