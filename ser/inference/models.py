"""The models at hand as a table."""

from ser.inference.bundles import Bundle, list_bundles

HEADINGS = ("model", "UAR [95 %], speaker-independent", "at least", "answers", "of these right", "MB", "folder")


def describe_all() -> str:
    """Return a line a model; "at least" is the confidence below which an answer is uncertain."""
    rows = [HEADINGS, *map(_describe, list_bundles())]
    if len(rows) == 1:
        return "no models came with this package; give `ser predict --model` a folder"
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _describe(bundle: Bundle) -> tuple[str, ...]:
    figures, least = bundle.config.get("figures", {}), bundle.config["min_confidence"]
    uar = "–"
    if {"uar", "uar_low", "uar_high"} <= figures.keys():
        uar = (
            f"{figures['uar']:.3f} [{figures['uar_low']:.3f}, {figures['uar_high']:.3f}], {figures.get('protocol', '')}"
        )
    return (
        bundle.name,
        uar,
        f"{bundle.min_confidence:.2f}",
        f"{least['coverage']:.0%}" if "coverage" in least else "–",
        f"{least['accuracy']:.0%}" if "accuracy" in least else "–",
        f"{(bundle.folder / 'model.onnx').stat().st_size / 1e6:.1f}",
        str(bundle.folder),
    )
