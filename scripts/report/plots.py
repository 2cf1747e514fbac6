"""`dvc plots diff` of two revisions → Vega-Lite specifications by the project's templates, checked and drawn."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import vl_convert
from dvc.render.match import RendererWithErrors, match_defs_renderers
from dvc.repo import Repo

# DVC's templates name version 5; 6 reads them too, and is the one that goes with the Vega in vl-convert
VEGA_LITE = "6.4"
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"  # a name: nothing loads it


class Plot(NamedTuple):
    """One plot of both revisions, the base first."""

    name: str
    spec: dict[str, Any]
    changed: bool  # whether its data differ between the revisions
    problems: list[str]  # what cannot be seen in it


def read_plots(repo: Repo, base: str, head: str) -> list[Plot]:
    """Return the plots that DVC draws from data, in the order of dvc.yaml.

    Definitions are those of the head where the revisions differ, templates those of the workspace.
    """
    # DVC lets the first revision's definitions win, and draws that revision first: `to_plot` puts the base back on top
    data = repo.plots.show(revs=[head]) | repo.plots.show(revs=[base])
    found = match_defs_renderers(data, templates_dir=repo.plots.templates_dir)
    return [to_plot(match, base, head) for match in found if match.renderer.TYPE == "vega"]


def to_plot(match: RendererWithErrors, base: str, head: str) -> Plot:
    """Fill in a template with the rows of both revisions, and list what is wrong with them."""
    renderer = match.renderer
    revisions = [base, head]
    renderer.datapoints.sort(key=lambda row: revisions.index(row["rev"]))
    renderer.properties["revs_with_datapoints"] = [rev for rev in revisions if rev in renderer.get_revs()]
    sides = [[{**row, "rev": ""} for row in renderer.datapoints if row["rev"] == rev] for rev in revisions]
    spec = renderer.get_filled_template() | {"$schema": SCHEMA}
    problems = [
        *unread_files(match),
        *(f"{rev} has no data" for rev, rows in zip(revisions, sides, strict=True) if not rows),
        *infinite_values(spec, renderer.datapoints),
    ]
    return Plot(renderer.name, spec, sides[0] != sides[1], problems)


def unread_files(match: RendererWithErrors) -> Iterator[str]:
    """Say what DVC skipped: it warns of files and definitions that it cannot read, and draws the rest."""
    for rev, errors in match.source_errors.items():
        yield from (f"{rev}: {file}: {type(error).__name__}" for file, error in errors.items())
    yield from (f"{rev}: {error}" for rev, error in match.definition_errors.items())


def infinite_values(spec: Mapping[str, Any], rows: list[dict[str, Any]]) -> list[str]:
    """Name the fields on a scale of numbers that have rows with none: text, NaN or infinity (empty is absent)."""
    counts = {
        field: sum(not _is_finite(row[field]) for row in rows if row.get(field) not in (None, ""))
        for field in sorted(set(quantitative_fields(spec)))
    }
    return [
        f"{field.removeprefix('dvc_inferred_')} is no finite number in {count} of {len(rows)} rows"
        for field, count in counts.items()
        if count
    ]


def quantitative_fields(spec: Any) -> Iterator[str]:
    """Yield the fields that a specification puts on a scale of numbers, wherever in it."""
    if isinstance(spec, dict):
        if spec.get("type") == "quantitative" and isinstance(spec.get("field"), str):
            yield spec["field"].replace("\\", "")  # DVC escapes dots and brackets
        for key, value in spec.items():
            if key != "data":
                yield from quantitative_fields(value)
    elif isinstance(spec, list):
        for value in spec:
            yield from quantitative_fields(value)


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(float(value))
    except (TypeError, ValueError):
        return False


def to_svg(plot: Plot) -> str:
    """Draw a plot; ValueError, with the library's reason, if its template is no valid specification.

    SVG is sharp at any width, and here a sixth of the bytes of the library's PNG.
    """
    return vl_convert.vegalite_to_svg(plot.spec, vl_version=VEGA_LITE, allowed_base_urls=[])
