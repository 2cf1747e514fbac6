"""Compare joint representation and late fusion, all branches there or one missing: runs/ → tables/."""

from pathlib import Path

import numpy as np
import pandas as pd

from ser.corpora.clip_table import read_clips
from ser.evaluation.recall import uar
from ser.evaluation.run_scores import complete_units
from ser.evaluation.runs import counts_of, read_runs
from ser.evaluation.statistics import compare_pairs, over_units
from ser.storage.errors import reporting
from ser.storage.files import write_table
from ser.storage.params import build, read_params
from studies.joint.members import BranchSettings
from studies.joint.places import CLIPS, PARAMS, PROTOCOL, RUNS, find

TABLES = Path("studies/joint/tables")
DIGITS = 4


def counts_in(folder: Path, actors: pd.DataFrame) -> np.ndarray:
    """Count the test clips of the runs in a folder as (unit, speaker, actual, predicted)."""
    return counts_of(complete_units(read_runs(folder).merge(actors, on="clip"), PROTOCOL, folder))


def main() -> None:
    with reporting("compare"):
        settings = build(BranchSettings, read_params(PARAMS, "branches"), "branches", str(PARAMS))
        actors = read_clips(CLIPS, "clip", "actor")[["clip", "actor"]]
        counts = {(member, "alone"): counts_in(find(member), actors) for member in settings.late}
        for folder in sorted(path for path in RUNS.glob("*/*") if path.is_dir()):  # DVC leaves files beside them
            counts[folder.name, folder.parent.name] = counts_in(folder, actors)
        rows = [
            {"method": method, "branches": branches} | over_units(table, uar)
            for (method, branches), table in counts.items()
        ]
        write_table(pd.DataFrame(rows), TABLES / "uar.csv", DIGITS)
        paired = {method: table for (method, branches), table in counts.items() if branches in ("alone", "all")}
        write_table(compare_pairs(paired), TABLES / "pairs.csv", DIGITS)
        print(pd.DataFrame(rows).to_string(index=False))


if __name__ == "__main__":
    main()
