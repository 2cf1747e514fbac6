"""The same bytes twice: a run in another folder, with another hash seed and time zone, ends in equal files."""

from pathlib import Path

import pytest

from scripts.demo import copy_project, dvc
from tests.conftest import TINY
from tests.pipeline import copy_finished, output_digests, stages_of


@pytest.fixture
def elsewhere(tmp_path, monkeypatch) -> Path:
    """A folder of another depth and name, for stages whose surroundings differ as well."""
    monkeypatch.setenv("PYTHONHASHSEED", "12345")
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    monkeypatch.setenv("COLUMNS", "40")
    return tmp_path / "some where/else"


def test_features_networks_boosting_and_pictures_come_out_the_same(demo_project, elsewhere):
    project = copy_finished(demo_project, elsewhere)
    stages = {"precompute_mfcc", "train_cnn", "train_lgbm", "compare"}
    before = output_digests(project, stages)
    dvc(project, "repro", "--force", "--no-run-cache", "--single-item", *stages)
    assert {Path(name).suffix for name in before} == {".pt", ".csv", ".json", ".txt", ".png"}
    assert output_digests(project, stages) == before


@pytest.mark.slow
def test_whole_pipeline_comes_out_the_same(demo_project, elsewhere):
    copy_project(elsewhere, TINY)
    dvc(elsewhere, "repro", "--force", "--no-run-cache")
    stages = set(stages_of(demo_project))
    before = output_digests(demo_project, stages)
    assert len(before) > 120  # clips
    assert output_digests(elsewhere, stages) == before
    assert (elsewhere / "dvc.lock").read_bytes() == (demo_project / "dvc.lock").read_bytes()
