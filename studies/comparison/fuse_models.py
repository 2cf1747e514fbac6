"""Fuse models by weights fitted on validation clips: */runs/<protocol>/<model> → comparison/runs/<protocol>/fused."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ser.evaluation.fused_runs import fuse_runs
from ser.storage.errors import reporting
from ser.storage.params import read_value
from studies.comparison.found_runs import find_runs

PARAMS = Path("studies/comparison/params.yaml")
RUNS = Path("studies/comparison/runs")
MODEL = "fused"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("protocol", help="a folder of runs, such as luna")
    protocol = parser.parse_args().protocol
    with reporting("fuse_models"):
        fuse(protocol, read_value(PARAMS, "fusion.members", tuple[str, ...]))


def fuse(protocol: str, members: Sequence[str]) -> None:
    """Write a run for each fold and seed of the members; ValueError lists members without runs."""
    folders = find_runs(protocol)
    missing = [member for member in members if member not in folders]
    if missing:
        raise ValueError(f"{PARAMS}: fusion.members: no runs of {missing} under {protocol}; there are {[*folders]}")
    fuse_runs({member: folders[member] for member in members}, RUNS / protocol / MODEL)


if __name__ == "__main__":
    main()
