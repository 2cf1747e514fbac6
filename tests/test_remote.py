"""A local remote: pushed from one clone, restored in another without running a stage; models by their names."""

import re
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

from scripts.demo import ROOT, dvc
from scripts.push import push
from tests.pipeline import change_param, locked_md5, output_digests, stages_of
from tests.repositories import cloned, commit, committed, git

ARTIFACTS = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["artifacts"]


@pytest.fixture(scope="module")
def pushed(demo_project, tmp_path_factory) -> Path:
    """A repository with its data in a remote and versions of its models; `plain` is a remote by DVC's own push."""
    folder = tmp_path_factory.mktemp("remote")
    repository = committed(demo_project, folder / "repository")
    with Repo(str(repository)) as repo, repo.config.edit("repo") as config:
        config["core"]["remote"] = "store"
        config["remote"] = {name: {"url": str(folder / name)} for name in ("store", "plain")}
    commit(repository)
    with Repo(str(repository)) as repo:
        repo.push(run_cache=True, remote="plain")
        push(repo)
    for name in ARTIFACTS:
        git(repository, "tag", "--annotate", f"{name}@v1.0.0", "--message", name)
    return repository


@pytest.fixture
def clone(pushed, tmp_path) -> Path:
    return cloned(pushed, tmp_path / "clone")


def repro(project: Path, *arguments: str) -> dict[str, set[str]]:
    """Run `dvc repro`; return the stages that ran and those that the run cache gave."""
    printed = dvc(project, "repro", *arguments, capture_output=True).stdout
    patterns = {"ran": r"^Running stage '(.+)':$", "restored": r"^Stage '(.+)' is cached - skipping run"}
    return {what: set(re.findall(pattern, printed, re.MULTILINE)) for what, pattern in patterns.items()}


def cached(project: Path) -> set[str]:
    """The names of the files in DVC's cache."""
    return {path.parent.name + path.name for path in (project / ".dvc/cache/files").rglob("*") if path.is_file()}


def test_repro_pull_runs_nothing_and_brings_every_output(clone, pushed):
    assert repro(clone, "--pull") == {"ran": set(), "restored": set()}
    assert output_digests(clone) == output_digests(pushed)
    assert dvc(clone, "status", capture_output=True).stdout == "Data and pipelines are up to date.\n"


def test_repro_pull_allow_missing_brings_nothing_where_nothing_runs(clone):
    assert repro(clone, "--pull", "--allow-missing") == {"ran": set(), "restored": set()}
    assert cached(clone) == set()


def test_changed_param_pulls_only_what_its_stages_read_and_a_third_clone_takes_the_run(clone, pushed, tmp_path):
    other = cloned(pushed, tmp_path / "other")
    for project in (clone, other):
        change_param(project, "train_cnn.network.dropout", 0.2)
    arguments = ("--pull", "--allow-missing", "train_cnn")
    assert repro(clone, *arguments) == {"ran": {"train_cnn"}, "restored": set()}
    read = ("data/clips.csv", "data/splits.csv", "data/features/mel.pt")
    made = ("data/predictions/cnn.csv", "plots/history/cnn.csv")
    files = {locked_md5(clone, path) for path in (*read, *made, "models/cnn")}
    files |= {md5 for path, md5 in output_digests(clone, {"train_cnn"}).items() if path.startswith("models/")}
    assert cached(clone) == files
    with Repo(str(clone)) as repo:
        assert push(repo)[0] == len(files) - len(read)
    assert repro(other, *arguments) == {"ran": set(), "restored": {"train_cnn"}}
    assert (other / "dvc.lock").read_bytes() == (clone / "dvc.lock").read_bytes()
    assert (other / "plots/history/cnn.csv").read_bytes() == (clone / "plots/history/cnn.csv").read_bytes()


def test_dvc_itself_leaves_the_histories_of_runs_behind(pushed):
    md5 = locked_md5(pushed, "plots/history/cnn.csv")
    path = f"files/md5/{md5[:2]}/{md5[2:]}"
    assert (pushed.parent / "store" / path).exists()
    assert not (pushed.parent / "plain" / path).exists(), "then scripts/push.py is no longer needed"


@pytest.mark.parametrize("name", ARTIFACTS)
def test_artifact_is_had_by_its_name_from_a_clone_without_data(name, clone, pushed, tmp_path):
    out = tmp_path / "downloaded"
    dvc(tmp_path, "artifacts", "get", str(clone), name, "--rev", "v1.0.0", "--out", str(out))
    made = pushed / ARTIFACTS[name]["path"]
    files = [path.relative_to(made) for path in made.rglob("*") if path.is_file()]
    assert files
    assert all((out / path).read_bytes() == (made / path).read_bytes() for path in files)


def test_every_model_is_an_artifact_that_says_what_it_is():
    weights = {out.def_path for stage in stages_of(ROOT).values() for out in stage.outs}
    weights = {path for path in weights if path.startswith("models/")}
    assert {artifact["path"] for artifact in ARTIFACTS.values()} == weights
    for artifact in ARTIFACTS.values():
        assert artifact["type"] == "model"
        assert artifact["desc"]
        assert "speech-emotion-recognition" in artifact["labels"]
