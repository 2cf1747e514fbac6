"""Train the joint representation on one fold, with or without modality dropout, and hide each branch from it:

embeddings, logmel.pt, runs → runs/{all,without_<branch>}/<method>/<fold>-<seed>.*.
"""

import argparse
import dataclasses
from pathlib import Path

from ser.evaluation.fold_predictions import join_logits, write_run
from ser.models.joint import Joint, JointSettings
from ser.storage.errors import reporting
from ser.storage.params import build, read_params
from ser.training.runtime import set_up_torch
from studies.joint.members import BranchSettings, read_branches
from studies.run import Run, seed

PARAMS = Path("studies/joint/params.yaml")
RUNS = Path("studies/joint/runs")
PROTOCOL = "luna"
METHODS = ("joint", "joint_without_dropout")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("method", choices=METHODS)
    parser.add_argument("fold", type=int, help=f"a fold of the protocol {PROTOCOL}")
    parser.add_argument("seed", type=seed)
    arguments = parser.parse_args()
    with reporting("train_joint"):
        chosen, values = read_params(PARAMS, "branches", "train_joint")
        members = build(BranchSettings, chosen, "branches", str(PARAMS))
        settings = build(JointSettings, values, "train_joint", str(PARAMS))
        set_up_torch(settings.threads)
        train_fold(arguments.method, Run(PROTOCOL, arguments.fold, arguments.seed), members, settings)


def train_fold(method: str, run: Run, members: BranchSettings, settings: JointSettings) -> None:
    """Write the runs of a fold: with all branches, and with each one hidden from the trained head."""
    if method == "joint_without_dropout":
        settings = dataclasses.replace(settings, head=dataclasses.replace(settings.head, branch_dropout=0.0))
    clips = run.clips()
    branches, split = read_branches(run, clips, members), clips["split"]
    trained = [
        Joint.train(branches.part(split.isin(parts).to_numpy()), settings, run.seed)
        for parts in (["train"], ["train", "val"])
    ]
    for name in ("", *branches.branches):
        shown = branches.without(name) if name else branches
        logits = join_logits(clips, *(model.logits(shown) for model in trained))
        folder = RUNS / (f"without_{name}" if name else "all")
        write_run(folder / method / f"{run.fold}-{run.seed}.csv", clips, logits)


if __name__ == "__main__":
    main()
