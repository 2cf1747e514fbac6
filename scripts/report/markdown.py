"""A comparison → report.md, short enough for a comment on a pull request, and its pictures in a folder beside it."""

import re
from collections.abc import Iterator
from pathlib import Path

from scripts.report.comparison import Comparison
from scripts.report.pictures import Picture
from scripts.report.plots import Plot, to_svg
from scripts.report.tables import Table, metrics_table, params_table, stages_table, verdict, verdict_table

PICTURES = "pictures"


def write_markdown(comparison: Comparison, out: Path) -> Path:
    """Write `out`/report.md and `out`/pictures/, and return the path of the former.

    Plots are those whose data differ. A comment shows no pictures of a folder: commit it, or link to where it is kept.
    """
    (out / PICTURES).mkdir(parents=True, exist_ok=True)
    path = out / "report.md"
    path.write_text("\n\n".join(_blocks(comparison, out)) + "\n", encoding="utf-8")
    return path


def _blocks(comparison: Comparison, out: Path) -> Iterator[str]:
    """Yield the paragraphs of the report."""
    yield f"## {escape(comparison.base)} → {escape(comparison.head)}"
    yield f"**{verdict(comparison)}**"
    if comparison.notes:
        yield "\n".join(f"- {escape(note)}" for note in comparison.notes)
    yield to_markdown(verdict_table(comparison))
    yield f"### Stages that reran: {len(comparison.reruns)}"
    yield to_markdown(stages_table(comparison)) if comparison.reruns else "No stage reran."
    if comparison.still:
        yield f"Not rerun: {escape(', '.join(comparison.still))}."
    yield f"### Params: {len(comparison.params)} changed"
    if comparison.params:
        yield to_markdown(params_table(comparison))
    yield f"### Metrics: {len(comparison.metrics)} changed"
    if comparison.metrics:
        yield folded("All metrics that changed", to_markdown(metrics_table(comparison)))
    yield from _plots([plot for plot in comparison.plots if plot.changed], comparison, out)
    yield f"### Pictures: {len(comparison.pictures)} changed"
    for picture in comparison.pictures:
        yield folded(escape(picture.path), side_by_side(picture, comparison, out))


def _plots(changed: list[Plot], comparison: Comparison, out: Path) -> Iterator[str]:
    yield f"### Plots: {len(changed)} of {len(comparison.plots)} changed"
    for plot in changed:
        yield folded(escape(plot.name), drawn(plot, out))


def drawn(plot: Plot, out: Path) -> str:
    """Draw a plot into the folder of pictures and return the Markdown that shows it, or says why there is none."""
    try:
        image = to_svg(plot)
    except ValueError as error:
        return f"Not drawn: {escape(str(error))}"
    return f"![{escape(plot.name)}]({saved(image.encode(), f'plot-{slug(plot.name)}.svg', out)})"


def side_by_side(picture: Picture, comparison: Comparison, out: Path) -> str:
    """Save both versions of a picture and return a table that shows them."""
    cells = []
    for side, image in (("base", picture.base), ("head", picture.head)):
        name = f"{slug(picture.path.removesuffix(picture.suffix))}-{side}{picture.suffix}"
        cells.append("none" if image is None else f"![{side}]({saved(image, name, out)})")
    return f"| {escape(comparison.base)} | {escape(comparison.head)} |\n|---|---|\n| {cells[0]} | {cells[1]} |"


def saved(image: bytes, name: str, out: Path) -> str:
    """Write a picture and return its path as the report names it."""
    (out / PICTURES / name).write_bytes(image)
    return f"{PICTURES}/{name}"


def folded(summary: str, body: str) -> str:
    """Hide a part under a line that opens it; GitHub wants the empty lines."""
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"


def to_markdown(table: Table) -> str:
    """Write a table, its first column as code."""
    rules = ["---:" if column in table.numbers else "---" for column in table.columns]
    lines = [[escape(column) for column in table.columns], rules]
    lines += [[code(row[0]), *(escape(cell) for cell in row[1:])] for row in table.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def escape(text: str) -> str:
    """Keep text from being read as Markdown or HTML; a newline becomes a break within the cell."""
    return re.sub(r"([\\`*\[\]|<>~])", r"\\\1", text).replace("\n", "<br>")


def code(text: str) -> str:
    """Write text as code within a table."""
    return f"`{' '.join(text.split()).replace('`', '').replace('|', chr(92) + '|')}`"


def slug(name: str) -> str:
    """Turn a plot's name or a path into a file name."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
