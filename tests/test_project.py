"""The project as a whole: what DVC runs, what it tracks, and what it shows."""

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml

from scripts.demo import ROOT, copy_project, dvc
from ser.storage.dotted import override
from ser.storage.yaml12 import read_yaml
from tests.pipeline import stages_of
from tests.repositories import commit, git


def evaluated_models(project: Path) -> list[str]:
    """The models that dvc.yaml lists, in the order of the figures."""
    return read_yaml(project / "dvc.yaml")["vars"][0]["evaluated"]["models"]


def test_every_stage_says_what_it_does():
    assert [name for name, stage in stages_of(ROOT).items() if not stage.desc] == []


@pytest.mark.skipif(not (ROOT / "dvc.lock").exists(), reason="no run is committed yet")
def test_lock_covers_every_stage():
    assert read_yaml(ROOT / "dvc.lock")["stages"].keys() == stages_of(ROOT).keys()


def test_models_are_listed_once():
    models, stages = evaluated_models(ROOT), stages_of(ROOT)
    assert {name for name in stages if name.startswith("evaluate@")} == {f"evaluate@{model}" for model in models}
    assert stages["compare"].cmd == f"python -m scripts.run stages.compare --models {' '.join(models)}"
    others = json.dumps([read_yaml(ROOT / "dvc.yaml")["plots"], read_yaml(ROOT / "policy.yaml")])
    assert [model for model in models if model in others] == []


def test_pipeline_leaves_every_output(demo_project):
    outputs = [Path(out.fs_path) for stage in stages_of(demo_project).values() for out in stage.outs]
    assert outputs
    assert [path for path in outputs if not path.exists()] == []


def test_second_repro_runs_nothing(demo_project):
    printed = dvc(demo_project, "repro", capture_output=True).stdout
    assert "Running stage" not in printed
    assert "Data and pipelines are up to date." in printed
    assert json.loads(dvc(demo_project, "status", "--json", capture_output=True).stdout) == {}


def test_metrics_are_shown_for_every_model(demo_project):
    shown = json.loads(dvc(demo_project, "metrics", "show", "--json", capture_output=True).stdout)[""]["data"]
    for model in evaluated_models(demo_project):
        assert 0 <= shown[f"metrics/{model}.json"]["data"]["test"]["accuracy"] <= 1


def test_long_tables_have_the_rows_of_every_model(demo_project):
    models = evaluated_models(demo_project)
    for name in ("confusion", "roc", "roc_macro"):
        table = pd.read_csv(demo_project / f"plots/{name}.csv")
        parts = [pd.read_csv(demo_project / f"plots/{name}/{model}.csv").assign(model=model) for model in models]
        pd.testing.assert_frame_equal(table, pd.concat(parts, ignore_index=True)[list(table)])
    history = pd.read_csv(demo_project / "plots/history.csv")
    assert set(history["model"]) == {path.stem for path in (demo_project / "plots/history").iterdir()}
    in_the_models_place = ["extractor" if model == "hybrid" else model for model in models]
    assert list(history["model"].unique()) == in_the_models_place, "other figures give a model another colour"


def test_plots_are_written_without_complaint(demo_project, tmp_path):
    shown = dvc(demo_project, "plots", "show", "--out", str(tmp_path), capture_output=True)
    assert "failed" not in shown.stderr
    assert "vega" in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_params_diff_names_the_changed_param(tmp_path):
    copy_project(tmp_path, {})
    dvc(tmp_path, "config", "--local", "--unset", "core.no_scm")
    git(tmp_path, "init")
    commit(tmp_path)
    params = read_yaml(tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(override(params, {"split.seed": 7})))
    shown = json.loads(dvc(tmp_path, "params", "diff", "--json", capture_output=True).stdout)
    assert shown["params.yaml"].keys() == {"split.seed"}


def test_override_refuses_an_unknown_param():
    with pytest.raises(KeyError, match="sed"):
        override({"split": {"seed": 42}}, {"split.sed": 43})
