"""The report and DVC's own page of two commits in a browser: every plot is drawn, of both, and no script complains."""

import json
import re
import sys
from pathlib import Path
from subprocess import run
from typing import Any, NamedTuple

import pytest
import vl_convert
import yaml

from scripts.children import dvc, environment
from scripts.report.plots import VEGA_LITE, infinite_values
from tests.browser import CHROMIUM, Drawing, open_page, read_drawings
from tests.pipeline import change_param, stages_of
from tests.repositories import commit, committed, git

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium")

# DVC's templates name an older Vega-Lite; its marks for the pointer have no data until there is one
HARMLESS = re.compile(r"The input spec uses Vega-Lite v5, but|WARN Infinite extent for field")
CDN = re.compile(r'<script src="https://cdn\.jsdelivr\.net/npm/(vega|vega-lite|vega-embed)@[\d.]+"></script>')
SVG_BY_DEFAULT = """
const draw = window.vegaEmbed;
window.vegaEmbed = (place, spec, options) => draw(place, spec, { ...options, renderer: "svg" });
"""


class Seen(NamedTuple):
    """A page: what it was to draw, what it drew in the same order, what its scripts said."""

    specs: list[dict[str, Any]]
    drawings: list[Drawing]
    messages: list[str]
    dom: str


@pytest.fixture(scope="module")
def repository(demo_project, tmp_path_factory) -> Path:
    """A repository with a run at the tag `base` and one of other trees at `head`."""
    repository = committed(demo_project, tmp_path_factory.mktemp("pages") / "repository")
    git(repository, "tag", "base")
    change_param(repository, "train_lgbm.learning_rate", 0.3)
    dvc(repository, "repro", "--quiet")
    commit(repository)
    git(repository, "tag", "head")
    return repository


@pytest.fixture(scope="module")
def report_page(repository) -> Path:
    """The page of `make report`."""
    command = [sys.executable, "-m", "scripts.report", "--base", "base", "--head", "head", "--report-only"]
    run(command, cwd=repository, env=environment(), check=True, capture_output=True)
    return repository / "report/report.html"


@pytest.fixture(scope="module")
def dvc_page(repository) -> Path:
    """The page of `dvc plots diff`, with the Vega of the report in place of the three scripts that it loads."""
    dvc(repository, "plots", "diff", "base", "head", "--out", "dvc_plots", capture_output=True)
    page = repository / "dvc_plots/index.html"
    text, loaded = CDN.subn("", page.read_text(encoding="utf-8"))
    assert loaded == 3
    library = vl_convert.javascript_bundle(vl_version=VEGA_LITE)
    page.with_name("vega.js").write_text(f"(() => {{{library}}})();{SVG_BY_DEFAULT}", encoding="utf-8")
    page.write_text(text.replace("<head>", '<head><script src="vega.js"></script>'), encoding="utf-8")
    return page


@pytest.fixture(scope="module", params=["report_page", "dvc_page"])
def seen(request, tmp_path_factory) -> Seen:
    return look(request.getfixturevalue(request.param), tmp_path_factory.mktemp("profile"))


def look(page: Path, profile: Path) -> Seen:
    """Open a page and say what is on it."""
    opened = open_page(page, profile)
    drawings = [drawing for drawings in read_drawings(opened.dom).values() for drawing in drawings]
    messages = [message for message in opened.messages if not HARMLESS.match(message)]
    return Seen(read_specs(page.read_text(encoding="utf-8")), drawings, messages, opened.dom)


def read_specs(text: str) -> list[dict[str, Any]]:
    """The specifications in a page: of the report in one list, of DVC one by one."""
    decoder = json.JSONDecoder()
    found = [decoder.raw_decode(text, match.end())[0] for match in re.finditer(r"(?:const specs|var spec) = ", text)]
    return found[0] if isinstance(found[0], list) else found


def series(spec: dict[str, Any]) -> set[tuple[str, str]]:
    """What has a mark of its own at least: each model of each revision, or the file of one model."""
    return {(row["rev"], row.get("model", "")) for row in spec["data"]["values"]}


def test_every_plot_of_the_pipeline_is_drawn(seen, repository):
    pipeline = yaml.safe_load((repository / "dvc.yaml").read_text(encoding="utf-8"))
    outs = [out for stage in stages_of(repository).values() for out in stage.outs]
    curves = [out for out in outs if out.plot and out.def_path.endswith(".csv")]
    assert len(seen.specs) == len(seen.drawings) == len(pipeline["plots"]) + len(curves) > 6
    for spec, drawing in zip(seen.specs, seen.drawings, strict=True):
        assert drawing.marks >= len(series(spec)) >= 2, spec["title"]


def test_every_plot_shows_both_revisions(seen):
    for spec, drawing in zip(seen.specs, seen.drawings, strict=True):
        assert {rev for rev, _ in series(spec)} == {"base", "head"}
        assert {"base", "head"} <= drawing.texts


def test_every_model_is_named_in_its_plot(seen):
    named = [{model for _, model in series(spec)} - {""} for spec in seen.specs]
    assert len([models for models in named if len(models) > 1]) == 6
    for models, drawing in zip(named, seen.drawings, strict=True):
        assert models <= drawing.texts


def test_every_plot_has_finite_values(seen):
    for spec, drawing in zip(seen.specs, seen.drawings, strict=True):
        assert infinite_values(spec, spec["data"]["values"]) == []
        assert drawing.numbers_are_finite


def test_no_script_complains_and_all_is_found(seen):
    assert seen.messages == []


def test_pictures_that_changed_are_in_the_report(report_page, tmp_path):
    pictures = re.findall(r'<img alt="([^"]+)" src="data:image/png;base64,', look(report_page, tmp_path).dom)
    assert pictures and len(pictures) % 2 == 0
    assert "plots/confusion_matrices.png" in pictures


def test_damage_to_a_page_is_seen(report_page, tmp_path):
    text = report_page.read_text(encoding="utf-8")
    specs = read_specs(text)
    whole = look(report_page, tmp_path / "profile")
    specs[0]["data"]["values"] = []
    specs[1]["mark"] = specs[1]["layer"] = {"type": "no such mark"}
    damaged = tmp_path / "damaged.html"
    text = re.sub(r"const specs = .*;\n", lambda _: f"const specs = {json.dumps(specs)};\n", text)
    damaged.write_text(text + '<script>missing()</script><img src="missing.png">', encoding="utf-8")
    found = look(damaged, tmp_path / "other profile")
    assert len(found.drawings) < len(whole.drawings) or found.drawings[0].marks < whole.drawings[0].marks
    assert any("missing is not defined" in message for message in found.messages)
    assert any("missing.png" in message for message in found.messages)
