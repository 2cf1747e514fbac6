"""Two commits of a small project → the report of `make report`."""

import hashlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

from scripts.demo import ROOT
from scripts.report.changes import Change
from scripts.report.comparison import Comparison, compare
from scripts.report.markdown import code, escape
from scripts.report.plots import infinite_values, quantitative_fields
from scripts.report.policy import check, judge, parse_policy
from scripts.report.reruns import compare_locks
from scripts.report.revisions import WORKSPACE
from tests.repositories import git

POLICY = "may_fall:\n  metrics/*.json:\n    test.accuracy: 0.03\n    test.uar: 0.03\n"
PIPELINE = """
stages:
  prepare:
    cmd: python prepare.py
    outs: [clips.csv]
  train:
    cmd: python train.py
    params: [train]
    deps: [clips.csv, train.py]
    metrics: [metrics/model.json: {cache: false}]
    plots: [history/a.csv: {cache: false, x: epoch, y: val_loss}]
    outs: [history.csv: {cache: false}, same.png: {cache: false}, curve.png: {cache: false}]
plots:
  - Loss & <more>:
      template: learning_curves
      x: epoch
      y: {history.csv: loss}
"""


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def lock(epochs: int, outputs: str) -> dict:
    """A dvc.lock of the pipeline: training with a number of epochs gave outputs with this content."""
    return {
        "prepare": {"cmd": "python prepare.py", "outs": [{"path": "clips.csv", "md5": md5("1")}]},
        "train": {
            "cmd": "python train.py",
            "deps": [{"path": "clips.csv", "md5": md5("1")}, {"path": "train.py", "md5": md5("2")}],
            "params": {"params.yaml": {"train": {"epochs": epochs, "note": "a|<b>"}}},
            "outs": [
                {"path": "curve.png", "md5": md5(outputs)},
                {"path": "metrics/model.json", "md5": md5(outputs)},
                {"path": "same.png", "md5": md5("3")},
            ],
        },
    }


def write_run(project: Path, accuracy: float, epochs: int) -> None:
    """Write all that a run would leave, which depends on its accuracy and epochs."""
    rows = [f"{epoch},{2 / epoch},{accuracy / epoch}" for epoch in range(1, epochs + 1)]
    long = [f"{model},{split},{row}" for model in "ab" for split in ("train", "val") for row in rows]
    test = {"accuracy": accuracy, "uar": 0.5, "clips": 216}
    texts = {
        "params.yaml": yaml.safe_dump({"train": {"epochs": epochs, "note": "a|<b>"}}),
        "dvc.yaml": PIPELINE,
        "dvc.lock": yaml.safe_dump({"schema": "2.0", "stages": lock(epochs, outputs=str(accuracy))}),
        "metrics/model.json": json.dumps({"test": test}),
        "history/a.csv": "\n".join(["epoch,train_loss,val_loss", *rows]),
        "history.csv": "\n".join(["model,split,epoch,loss,accuracy", *long]),
        "same.png": "not looked into",
        "curve.png": f"picture of {accuracy}",
    }
    for name, text in texts.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the tags start (no run yet), base and head (a lower accuracy); copy it to change it."""
    project = tmp_path_factory.mktemp("report") / "project"
    project.mkdir()
    git(project, "init")
    Repo.init(str(project)).close()
    shutil.copytree(ROOT / ".dvc/plots", project / ".dvc/plots")
    (project / "policy.yaml").write_text(POLICY)
    for tag in ("start", "base", "head"):
        if tag != "start":
            write_run(project, *{"base": (0.5, 4), "head": (0.4, 5)}[tag])
        git(project, "add", ".")
        git(project, "commit", "--message", tag)
        git(project, "tag", tag)
    return project


@pytest.fixture
def changeable(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project to change, and the working directory of the test."""
    copy = tmp_path / "project"
    shutil.copytree(project, copy)
    monkeypatch.chdir(copy)
    return copy


def report(project: Path, out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as `make report` does."""
    command = [sys.executable, "-m", "scripts.report", "--out", str(out), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)


def compared(base: str, head: str = WORKSPACE) -> Comparison:
    """Compare revisions of the project in the working directory."""
    with Repo() as repo:
        return compare(repo, base, head, Path("policy.yaml"))


@pytest.fixture(scope="module")
def failed(project: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """The command's run on base and head, and the folder that it wrote."""
    out = tmp_path_factory.mktemp("out")
    return report(project, out, "--base", "base", "--head", "head"), out


@pytest.fixture(scope="module")
def page(failed) -> str:
    return (failed[1] / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def markdown(failed) -> str:
    return (failed[1] / "report.md").read_text(encoding="utf-8")


def test_fall_beyond_the_policy_fails_the_command(failed, markdown, page):
    run, _ = failed
    assert run.returncode == 1, run.stderr
    assert run.stdout.startswith("FAIL: 1 of 2 metrics")
    assert (
        "| `metrics/model.json: test.accuracy` | 0.5000 | 0.4000 | −0.1000 | −0.0300 | FAIL: fell too far |" in markdown
    )
    assert "| `metrics/model.json: test.uar` | 0.5000 | 0.5000 | 0 | −0.0300 | ok |" in markdown
    assert "FAIL: 1 of 2 metrics" in page


def test_missing_metric_fails_unless_only_a_report_is_wanted(changeable, tmp_path):
    Path("metrics/model.json").write_text('{"test": {"uar": 0.5}}')
    run = report(changeable, tmp_path / "out", "--base", "base", "--report-only")
    assert run.returncode == 0, run.stderr
    assert "| `metrics/model.json: test.accuracy` | 0.5000 | – | – | −0.0300 | FAIL: missing |" in (
        tmp_path / "out/report.md"
    ).read_text(encoding="utf-8")


def test_metrics_of_a_model_that_is_gone_fail(changeable):
    write_run(changeable, accuracy=0.5, epochs=4)
    Path("metrics/other.json").write_text(Path("metrics/model.json").read_text())
    Path("metrics/model.json").unlink()
    Path("dvc.yaml").write_text(PIPELINE.replace("metrics/model.json", "metrics/other.json"))
    checks = {(check.file, check.key): check for check in compared("base").checks}
    for key in ("test.accuracy", "test.uar"):
        assert (checks["metrics/model.json", key].base, checks["metrics/model.json", key].problem) == (0.5, "missing")
        assert (checks["metrics/other.json", key].base, checks["metrics/other.json", key].problem) == (None, "")
    assert len(checks) == 4


def test_metrics_that_a_pattern_does_not_find_fail_the_command(changeable, tmp_path):
    Path("policy.yaml").write_text(POLICY.replace("metrics/", "metric/"))
    run = report(changeable, tmp_path / "out", "--base", "base")
    assert run.returncode == 1, run.stderr
    assert run.stdout.startswith("FAIL: 2 of 2 metrics")
    row = "| `metric/*.json: test.accuracy` | – | – | – | −0.0300 | FAIL: no file of either revision has it |"
    assert row in (tmp_path / "out/report.md").read_text(encoding="utf-8")


def test_report_names_the_stages_that_reran_and_why(markdown):
    assert "| `train` | reran | train.epochs 4 → 5 | 2 of 3 |" in markdown
    assert "Not rerun: prepare." in markdown
    assert "| `train.epochs` | 4 | 5 |" in markdown


def test_page_loads_nothing(page):
    outside_scripts = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert "http" not in outside_scripts.replace("http-equiv", "")
    assert re.findall(r"<script[^>]*\ssrc|<link|@import", page) == []
    assert "default-src 'none'" in page


def test_every_plot_of_the_page_has_both_revisions_and_finite_values(page):
    specs = json.loads(re.search(r"const specs = (.*);\n", page)[1])
    assert len(specs) == page.count('class="plot wide"') == 2
    for spec in specs:
        rows = spec["data"]["values"]
        assert list(dict.fromkeys(row["rev"] for row in rows)) == ["base", "head"]
        drawn = [row[field] for row in rows for field in quantitative_fields(spec) if field in row]
        assert len(drawn) >= 2 * len(rows)
        assert all(math.isfinite(float(value)) for value in drawn)


def test_markdown_shows_every_picture_that_was_written(failed, markdown):
    shown = re.findall(r"\]\((pictures/[^)]+)\)", markdown)
    assert len(shown) == len(set(shown)) == 4
    assert {failed[1] / path for path in shown} == set((failed[1] / "pictures").iterdir())
    assert (failed[1] / "pictures/curve-head.png").read_text() == "picture of 0.4"
    assert (failed[1] / "pictures/plot-loss-more.svg").read_text().startswith("<svg")
    assert "same.png" not in markdown


def test_head_that_is_no_worse_passes(changeable):
    found = compared("head", "base")
    assert [check.problem for check in found.checks] == ["", ""]
    assert found.notes == []


def test_unchanged_workspace_shows_no_change(changeable):
    found = compared("head")
    assert (found.reruns, found.params, found.metrics, found.pictures) == ([], [], [], [])
    assert [plot.changed for plot in found.plots] == [False, False]
    assert found.still == ["prepare", "train"]


def test_uncommitted_changes_are_compared_and_said(changeable):
    write_run(changeable, accuracy=0.6, epochs=4)
    found = compared("base")
    assert found.metrics == [Change("metrics/model.json", "test.accuracy", 0.5, 0.6)]
    assert any("not committed" in note for note in found.notes)


def test_base_without_a_run_is_said_and_passes(changeable):
    found = compared("start", "head")
    assert {"start has no dvc.lock: nothing says what ran there"} < set(found.notes)
    assert {"start has no metrics: nothing to compare with"} < set(found.notes)
    assert [(check.base, check.problem) for check in found.checks] == [(None, ""), (None, "")]
    assert [rerun.kind for rerun in found.reruns] == ["new", "new"]
    assert all(plot.problems == ["start has no data"] for plot in found.plots)


def test_unreadable_pipeline_is_said_once_and_fails(changeable):
    Path("dvc.yaml").write_text("stages: {train: {}}")
    found = compared("base")
    assert {check.problem for check in found.checks} == {"missing"}
    assert len([note for note in found.notes if "dvc.yaml' validation failed" in note]) == 1


def test_policy_loosened_by_the_change_is_said(changeable):
    Path("policy.yaml").write_text(POLICY.replace("0.03", "0.5"))
    found = compared("base")
    assert [check.problem for check in found.checks] == ["", ""]
    assert "policy.yaml is not as in base; the verdict is by the new one." in found.notes


@pytest.mark.parametrize(
    ("base", "head", "message"),
    [
        ("nowhere", WORKSPACE, "no revision 'nowhere' in this clone; `git fetch`"),
        ("base", "nowhere", "no revision 'nowhere'"),
        ("base", "base", "the same commit"),
        (WORKSPACE, "head", "not the workspace"),
    ],
)
def test_revisions_that_cannot_be_compared_are_refused(changeable, base, head, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        compared(base, head)


def test_missing_policy_is_refused(changeable):
    Path("policy.yaml").unlink()
    with pytest.raises(ValueError, match=r"policy\.yaml: no such file"):
        compared("base")


@pytest.mark.parametrize(
    ("base", "head", "problem"),
    [
        (0.53, 0.5, ""),
        (0.53, 0.4999, "fell too far"),
        (0.5, 0.9, ""),
        (0.5, None, "missing"),
        (0.5, math.nan, "not a finite number: nan"),
        (0.5, "high", "not a finite number: high"),
        (None, 0.5, ""),
        (None, None, "missing"),
    ],
)
def test_metric_may_fall_by_the_allowed_amount(base, head, problem):
    assert check(Change("m.json", "accuracy", base, head), may_fall=0.03).problem == problem


def test_failures_come_first():
    metrics = [Change("m.json", key, 0.5, head) for key, head in (("a", 0.5), ("b", 0.1), ("c", 0.5))]
    checks = judge({"m.json": {"a": 0.1, "b": 0.1, "c": 0.1}}, metrics)
    assert [check.key for check in checks] == ["b", "a", "c"]


def judged(policy: dict[str, dict[str, float]], *metrics: Change) -> list[tuple[str, str, str]]:
    """The file, key and problem of each check."""
    return [(check.file, check.key, check.problem) for check in judge(policy, metrics)]


def test_pattern_stands_for_every_file_with_the_metric_in_either_revision():
    found = judged(
        {"m/*.json": {"uar": 0.1}},
        Change("m/a.json", "uar", 0.5, 0.5),
        Change("m/b.json", "uar", 0.5, 0.3),
        Change("m/gone.json", "uar", 0.5, None),
        Change("m/new.json", "uar", None, 0.5),
        Change("m/seeds.json", "models.a.uar", 0.5, 0.1),
        Change("other/a.json", "uar", 0.5, 0.1),
        Change("m/a.json", "accuracy", 0.5, 0.1),
    )
    assert found == [
        ("m/b.json", "uar", "fell too far"),
        ("m/gone.json", "uar", "missing"),
        ("m/a.json", "uar", ""),
        ("m/new.json", "uar", ""),
    ]


@pytest.mark.parametrize("name", ["m/*.json", "m/?.json", "m/[ab].json"])
def test_names_with_wildcards_are_patterns(name):
    assert judged({name: {"uar": 0.1}}, Change("m/a.json", "uar", 0.5, 0.5)) == [("m/a.json", "uar", "")]


def test_pattern_that_no_file_matches_fails_for_each_metric():
    found = judged({"m/*.json": {"uar": 0.1, "f1": 0.1}}, Change("m/a.json", "uar", 0.5, 0.5))
    assert found == [("m/*.json", "f1", "no file of either revision has it"), ("m/a.json", "uar", "")]


def test_exact_name_demands_its_file_beside_a_pattern():
    policy = {"m/*.json": {"uar": 0.1}, "m/b.json": {"uar": 0.1}}
    found = judged(policy, Change("m/a.json", "uar", 0.5, 0.5))
    assert found == [("m/b.json", "uar", "missing"), ("m/a.json", "uar", "")]


def test_metric_that_a_pattern_and_a_name_both_cover_is_held_to_both():
    policy = {"m/*.json": {"uar": 0.1}, "m/a.json": {"uar": 0.3}}
    found = judged(policy, Change("m/a.json", "uar", 0.5, 0.3))
    assert found == [("m/a.json", "uar", "fell too far"), ("m/a.json", "uar", "")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected one section `may_fall`, found {}"),
        ("may_rise: {}", "expected one section `may_fall`"),
        ("may_fall: {}", "expected metrics files"),
        ("may_fall: {m.json: 0.1}", "expected metrics files"),
        ("may_fall: {m.json: {accuracy: -0.1}}", "m.json: accuracy: expected an amount of 0 or more, found -0.1"),
        ("may_fall: {m.json: {accuracy: much}}", "found 'much'"),
        ("may_fall: {", "not readable as YAML"),
    ],
)
def test_impossible_policy_is_refused(text, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_policy(text, "policy.yaml")


def test_stage_reran_because_of_code_command_or_another_stages_output():
    before, after = lock(4, "x"), lock(4, "x")
    after["prepare"]["cmd"] = "python prepare.py --all"
    after["prepare"]["outs"][0]["md5"] = "new"
    after["train"]["deps"] = [{"path": "clips.csv", "md5": "new"}, {"path": "model.py", "md5": md5("2")}]
    prepare, train = compare_locks(before, after)
    assert (prepare.reasons, prepare.changed) == (["command"], 1)
    assert train.reasons == ["model.py (newly read), train.py (no longer read)", "from prepare: clips.csv"]
    assert (train.changed, train.outputs) == (0, 3)


def test_stage_whose_outputs_alone_changed_is_shown_as_such():
    (train,) = compare_locks(lock(4, "x"), lock(4, "y"))
    assert (train.stage, train.reasons, train.changed) == ("train", ["none that it declares"], 2)


def test_new_and_removed_stages_are_told_apart():
    before, after = lock(4, "x"), lock(4, "x")
    after["fit"] = after.pop("train")
    assert [(rerun.stage, rerun.kind) for rerun in compare_locks(before, after)] == [
        ("fit", "new"),
        ("train", "removed"),
    ]


def test_values_that_cannot_be_drawn_are_counted():
    spec = {"layer": [{"encoding": {"x": {"field": "fpr", "type": "quantitative"}, "color": {"field": "model"}}}]}
    rows = [{"fpr": "inf", "model": "a"}, {"fpr": "0.5"}, {"fpr": "nan"}, {"fpr": ""}, {}]
    assert infinite_values(spec, rows) == ["fpr is no finite number in 2 of 5 rows"]


def test_text_is_not_read_as_markdown_or_html():
    assert escape("a|b<c>\n[d]") == r"a\|b\<c\><br>\[d\]"
    assert code("a|b`c") == r"`a\|bc`"
