"""Where the files of this project and of those before it are."""

from pathlib import Path

PARAMS = Path("studies/joint/params.yaml")
CLIPS = Path("data/clips.csv")
PROTOCOL = "luna"
PROJECTS = (Path("studies/encoders/runs"), Path("studies/crossval/runs"))
RUNS = Path("studies/joint/runs")


def find(model: str) -> Path:
    """Return the folder of a model's runs; ValueError when no project has any."""
    for runs in PROJECTS:
        if (runs / PROTOCOL / model).is_dir():
            return runs / PROTOCOL / model
    raise ValueError(f"{PARAMS}: branches.late: no runs of {model!r} in {', '.join(map(str, PROJECTS))}")
