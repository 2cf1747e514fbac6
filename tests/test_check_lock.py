"""A clone without data: what changed since the run behind dvc.lock is named, and what is merely absent is not."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

from scripts import check_lock
from scripts.check_lock import Change, stale_inputs
from scripts.demo import dvc
from tests.pipeline import change_param
from tests.repositories import cloned, committed


@pytest.fixture(scope="module")
def repository(demo_project, tmp_path_factory) -> Path:
    return committed(demo_project, tmp_path_factory.mktemp("fresh") / "repository")


@pytest.fixture
def clone(repository, tmp_path) -> Path:
    return cloned(repository, tmp_path / "clone")


def found(project: Path) -> dict[Change, list[str]]:
    with Repo(str(project)) as repo:
        return stale_inputs(repo)


def append(path: str) -> Callable[[Path], None]:
    def change(project: Path) -> None:
        with (project / path).open("a", encoding="utf-8") as file:
            file.write("# changed\n")

    return change


def delete(path: str) -> Callable[[Path], None]:
    return lambda project: (project / path).unlink()


def edit(file: str, change: Callable[[dict], object]) -> Callable[[Path], None]:
    """Change the stages in dvc.yaml or dvc.lock."""

    def apply(project: Path) -> None:
        content = yaml.safe_load((project / file).read_text(encoding="utf-8"))
        change(content["stages"])
        (project / file).write_text(yaml.safe_dump(content), encoding="utf-8")

    return apply


def rerun_split_alone(stages: dict) -> None:
    stages["split"]["outs"][0]["md5"] = "0" * 32


SPLIT_READERS = ["train_cnn", "train_lstm", "train_extractor", "train_lgbm", "train_compact", "explore"]
PLANTED = {
    "code": (
        append("ser/features/audio.py"),
        Change("ser/features/audio.py", "modified"),
        ["precompute_mel", "precompute_logmel"],
    ),
    "missing code": (delete("ser/corpora/splits.py"), Change("ser/corpora/splits.py", "deleted"), ["split"]),
    "data in git": (append("data/design.csv"), Change("data/design.csv", "modified"), ["compare"]),
    "edited metric": (append("metrics/cnn.json"), Change("metrics/cnn.json", "modified"), ["evaluate@cnn"]),
    "missing picture": (delete("plots/roc_macro.png"), Change("plots/roc_macro.png", "deleted"), ["compare"]),
    "command": (
        edit("dvc.yaml", lambda stages: stages["ingest"].update(cmd="python -m stages.other")),
        Change("dvc.yaml", "cmd of ingest modified"),
        ["ingest"],
    ),
    "new code": (
        edit("dvc.yaml", lambda stages: stages["split"]["deps"].append("ser/features/audio.py")),
        Change("ser/features/audio.py", "modified"),
        ["split"],
    ),
    "new data": (
        edit("dvc.yaml", lambda stages: stages["split"]["deps"].append("models/cnn")),
        Change("dvc.lock", "models/cnn is not the one that train_cnn made"),
        ["split"],
    ),
    "stage that never ran": (
        edit("dvc.lock", lambda stages: stages.pop("explore")),
        Change("dvc.yaml", "explore is not in dvc.lock"),
        ["explore"],
    ),
    "new stage that left nothing in git": (
        edit("dvc.yaml", lambda stages: stages.update(more={"cmd": "true", "outs": ["data/more.csv"]})),
        Change("dvc.yaml", "more is not in dvc.lock", stale=False),
        ["more"],
    ),
    "lock of two runs": (
        edit("dvc.lock", rerun_split_alone),
        Change("dvc.lock", "data/splits.csv is not the one that split made"),
        SPLIT_READERS,
    ),
}


def test_fresh_clone_is_not_stale_though_dvc_marks_it(clone):
    assert "precompute_mel" in json.loads(dvc(clone, "status", "--json", capture_output=True).stdout)
    assert found(clone) == {}


def test_run_with_its_data_is_not_stale(repository):
    assert found(repository) == {}


@pytest.mark.parametrize("kind", PLANTED)
def test_planted_change_is_named_with_the_stages_that_did_not_rerun(kind, clone):
    plant, change, stages = PLANTED[kind]
    plant(clone)
    changes = found(clone)
    assert changes.keys() == {change}
    assert sorted(changes[change]) == sorted(stages)


def test_changed_param_is_named_with_its_line(clone):
    change_param(clone, "train_lstm.network.hidden", 12)
    ((change, stages),) = found(clone).items()
    assert (change.file, change.what, stages) == ("params.yaml", "train_lstm.network.hidden 8 → 12", ["train_lstm"])
    lines = (clone / "params.yaml").read_text(encoding="utf-8").splitlines()
    assert lines[change.line - 1] == "    hidden: 12"


def test_param_of_several_stages_is_one_change(clone):
    change_param(clone, "mel.n_mels", 81)
    assert [sorted(stages) for stages in found(clone).values()] == [["explore", "precompute_mel"]]


def test_edited_data_is_named_where_it_is_there(repository, tmp_path):
    copy = cloned(repository, tmp_path / "copy")
    (copy / "data/splits.csv").write_text("by hand\n", encoding="utf-8")
    assert {change: set(stages) for change, stages in found(copy).items()} == {
        Change("data/splits.csv", "modified"): {"split", *SPLIT_READERS}
    }


def test_table_that_several_stages_know_is_named_by_each_name_they_have_for_it(clone):
    append("metrics/groups/cnn.csv")(clone)
    assert found(clone) == {
        Change("metrics/groups/cnn.csv", "modified"): ["evaluate@cnn"],
        Change("metrics/groups", "modified"): ["compare"],
    }


def test_stale_inputs_of_a_study_are_named_from_the_top_folder(clone, monkeypatch):
    append("ser/corpora/protocols.py")(clone)
    monkeypatch.setattr(check_lock, "PROJECTS", (Path("studies/crossval"),))
    changes = check_lock.check_projects(clone)
    assert len(changes[Change("ser/corpora/protocols.py", "modified")]) == 4


def run(project: Path, monkeypatch: pytest.MonkeyPatch, in_github: bool) -> str | None:
    """Run the command; return what it ends with, None where all is well."""
    monkeypatch.chdir(project)
    monkeypatch.setattr(check_lock, "PROJECTS", (Path(),))
    monkeypatch.setenv("GITHUB_ACTIONS", str(in_github).lower())
    try:
        check_lock.main()
    except SystemExit as end:
        return end.code


def test_command_passes_a_fresh_clone(clone, monkeypatch, capsys):
    assert run(clone, monkeypatch, in_github=False) is None
    assert capsys.readouterr().out == "every dvc.lock is that of these files\n"


def test_command_fails_with_an_annotation_on_each_change(clone, monkeypatch, capsys):
    append("ser/features/audio.py")(clone)
    change_param(clone, "mfcc.n_mfcc", 40)
    assert "2 changes since the runs in dvc.lock: run `make results` and commit" in run(
        clone, monkeypatch, in_github=True
    )
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("::error file=ser/features/audio.py,title=dvc.lock is stale::modified; ")
    assert first.endswith("; not rerun: precompute_mel, precompute_logmel")
    assert second.startswith("::error file=params.yaml,line=")
    assert second.endswith(",title=dvc.lock is stale::mfcc.n_mfcc 80 → 40; not rerun: precompute_mfcc")


def test_command_says_it_plainly_in_a_terminal(clone, monkeypatch, capsys):
    append("ser/features/audio.py")(clone)
    run(clone, monkeypatch, in_github=False)
    assert capsys.readouterr().out == "ser/features/audio.py: modified; not rerun: precompute_mel, precompute_logmel\n"
