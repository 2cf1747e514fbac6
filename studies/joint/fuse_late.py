"""Fuse the branches' own models late, by weights and by stacking, fitted on each fold's validation clips:

crossval/runs, encoders/runs, runs/all/joint → runs/{all,without_<member>}/{late,stacked,joint_late}.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from ser.corpora.clip_table import read_clips
from ser.corpora.emotions import EMOTION_INDEX
from ser.evaluation.fold_predictions import write_run
from ser.evaluation.fused_runs import PARTS, beside_each_other, choose
from ser.evaluation.late_fusion import fit_weights
from ser.evaluation.runs import read_runs
from ser.evaluation.stacking import fit_stack, stacked
from ser.storage.errors import reporting
from ser.storage.params import build, read_params, read_value
from studies.joint.members import BranchSettings
from studies.joint.places import CLIPS, PARAMS, RUNS, find

FOLDS = range(1, 6)

Fuse = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def by_weights(logs: np.ndarray, val: np.ndarray, labels: np.ndarray, speakers: np.ndarray) -> np.ndarray:
    """Return log-probabilities (member, clip, emotions) summed by weights that are fitted on the clips of val."""
    return np.tensordot(fit_weights(logs[:, val], labels[val]), logs, axes=1)


def by_stacking(logs: np.ndarray, val: np.ndarray, labels: np.ndarray, speakers: np.ndarray) -> np.ndarray:
    """Return what a logistic regression that is fitted on the clips of val makes of log-probabilities."""
    return fit_stack(logs[:, val], labels[val], speakers[val]).predict_log_proba(stacked(logs))


METHODS: dict[str, Fuse] = {"late": by_weights, "stacked": by_stacking}


def fuse_members(members: dict[str, Path], seeds: tuple[int, ...], actors: pd.Series, fuse: Fuse, target: Path) -> None:
    """Write a run for each fold and seed to the folder `target`; a member with one seed is fused with every seed."""
    tables = {
        name: pd.concat([read_runs(folder, part).assign(split=part) for part in PARTS])
        for name, folder in members.items()
    }
    for fold in FOLDS:
        for seed in seeds:
            clips, logs = beside_each_other({name: choose(table, fold, seed) for name, table in tables.items()})
            val, speakers = (clips["split"] == "val").to_numpy(), clips["clip"].map(actors).to_numpy()
            labels = clips["emotion"].map(EMOTION_INDEX).to_numpy()
            write_run(target / f"{fold}-{seed}.csv", clips, torch.from_numpy(fuse(logs, val, labels, speakers)))


def main() -> None:
    with reporting("fuse_late"):
        chosen, seeds = read_params(PARAMS, "branches"), read_value(PARAMS, "seeds.joint", tuple[int, ...])
        settings = build(BranchSettings, chosen, "branches", str(PARAMS))
        members = {model: find(model) for model in settings.late}
        actors = read_clips(CLIPS, "clip", "actor").set_index("clip")["actor"]
        for name in ("", *members):
            left = {model: folder for model, folder in members.items() if model != name}
            folder = RUNS / (f"without_{name}" if name else "all")
            for method, fuse in METHODS.items():
                fuse_members(left, seeds, actors, fuse, folder / method)
        # The joint head learns of the run from validation clips alone; here its weight is fitted on them instead
        both = {"joint": RUNS / f"without_{settings.run}/joint", settings.run: find(settings.run)}
        fuse_members(both, seeds, actors, by_weights, RUNS / "all/joint_late")


if __name__ == "__main__":
    main()
