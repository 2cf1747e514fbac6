"""Find the runs to compare: those of the projects that train, and the fused ones of this project."""

from pathlib import Path

RUNS = tuple(Path(f"studies/{project}/runs") for project in ("crossval", "encoders", "comparison"))


def find_runs(protocol: str) -> dict[str, Path]:
    """Return the folders of all models with runs under a protocol, by name; ValueError if there are none."""
    folders = [folder for runs in RUNS if (runs / protocol).is_dir() for folder in (runs / protocol).iterdir()]
    found = {folder.name: folder for folder in sorted(folders, key=lambda folder: folder.name) if folder.is_dir()}
    if not found:
        raise ValueError(f"{protocol}: no runs in {', '.join(map(str, RUNS))}; `make results` makes them")
    return found
