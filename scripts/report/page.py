"""A comparison → report.html: one file that opens offline, with the plots and the library that draws them inside."""

import base64
import json
from html import escape
from pathlib import Path
from string import Template

import vl_convert

from scripts.report.comparison import Comparison
from scripts.report.pictures import SUFFIXES, Picture
from scripts.report.plots import VEGA_LITE, Plot
from scripts.report.tables import Table, failures, metrics_table, params_table, stages_table, verdict, verdict_table

SKELETON = Path(__file__).with_name("page.html")


def write_page(comparison: Comparison, out: Path) -> Path:
    """Write `out`/report.html and return its path."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / "report.html"
    path.write_text(to_page(comparison), encoding="utf-8")
    return path


def to_page(comparison: Comparison) -> str:
    """Fill in the skeleton: every plot, those whose data are the same in both revisions last."""
    plots = sorted(comparison.plots, key=lambda plot: not plot.changed)
    return Template(SKELETON.read_text(encoding="utf-8")).substitute(
        title=escape(f"{comparison.base} → {comparison.head}"),
        verdict=escape(verdict(comparison)),
        state="fail" if failures(comparison) else "ok",
        notes="".join(f"<li>{escape(note)}</li>" for note in comparison.notes),
        checks=to_html(verdict_table(comparison)),
        stages=to_html(stages_table(comparison)),
        still=escape(", ".join(comparison.still) or "none"),
        params=to_html(params_table(comparison)),
        metrics_changed=len(comparison.metrics),
        metrics=to_html(metrics_table(comparison)),
        plots="".join(place(number, plot) for number, plot in enumerate(plots)),
        pictures="".join(side_by_side(picture, comparison) for picture in comparison.pictures)
        or "<p>None changed.</p>",
        # `<` within a script could end it
        specs=json.dumps([plot.spec for plot in plots], ensure_ascii=False).replace("<", "\\u003c"),
        library=vl_convert.javascript_bundle(vl_version=VEGA_LITE),
    )


def to_html(table: Table) -> str:
    """Write a table, its first column as code."""
    if not table.rows:
        return "<p>None changed.</p>"
    classes = [' class="number"' if column in table.numbers else "" for column in table.columns]
    head = "".join(f"<th{kind}>{escape(name)}</th>" for kind, name in zip(classes, table.columns, strict=True))
    rows = "".join(_row(row, classes) for row in table.rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _row(row: tuple[str, ...], classes: list[str]) -> str:
    cells = [f"<code>{escape(row[0])}</code>", *(escape(cell).replace("\n", "<br>") for cell in row[1:])]
    state = ' class="fail"' if row[-1].startswith("FAIL") else ""
    return f"<tr{state}>{''.join(f'<td{kind}>{cell}</td>' for kind, cell in zip(classes, cells, strict=True))}</tr>"


def place(number: int, plot: Plot) -> str:
    """Leave a place for the script to draw a plot in."""
    same = "" if plot.changed else " (same data in both)"
    return f'<h3>{escape(plot.name)}{same}</h3><div class="plot wide" id="plot-{number}"></div>'


def side_by_side(picture: Picture, comparison: Comparison) -> str:
    """Show both versions of a picture."""
    sides = ((comparison.base, picture.base), (comparison.head, picture.head))
    figures = "".join(
        f"<figure><figcaption>{escape(rev)}</figcaption>{_image(picture, data)}</figure>" for rev, data in sides
    )
    return f'<h3>{escape(picture.path)}</h3><div class="pair">{figures}</div>'


def _image(picture: Picture, data: bytes | None) -> str:
    if data is None:
        return "<p>none</p>"
    source = f"data:{SUFFIXES[picture.suffix]};base64,{base64.b64encode(data).decode('ascii')}"
    return f'<img alt="{escape(picture.path)}" src="{source}">'
