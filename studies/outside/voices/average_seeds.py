"""Average the log-probabilities of CompactNet's seeds: crossval/runs/luna/compact → runs/luna/compact_seeds/."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from ser.evaluation.fold_predictions import write_run
from ser.evaluation.fused_runs import PARTS, beside_each_other
from ser.evaluation.runs import read_runs
from ser.storage.errors import reporting

MEMBERS = Path("studies/crossval/runs/luna/compact")
RUNS = Path("studies/outside/voices/runs/luna/compact_seeds")


def main() -> None:
    with reporting("average_seeds"):
        runs = pd.concat([read_runs(MEMBERS, part).assign(split=part) for part in PARTS])
        for fold, tables in runs.groupby("fold"):
            clips, logs = beside_each_other({f"seed {seed}": table for seed, table in tables.groupby("seed")})
            write_run(RUNS / f"{fold}-1.csv", clips, torch.from_numpy(np.mean(logs, axis=0)), seeds=len(logs))


if __name__ == "__main__":
    main()
