"""Train hybrids whose LightGBM learns from clips that its extractor did not train on:

data/features/{mel,logmel}.pt → crossval/runs/<protocol>/{hybrid_crossfit,hybrid_crossfit_functionals}/<fold>-<seed>.*.
"""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import torch
from sklearn.model_selection import GroupKFold

from crossval.boosted import boost, read_functionals
from crossval.extractor import train_and_embed
from crossval.runs import Run, write_run
from stages.ser.errors import reporting
from stages.ser.params import read_params

CROSSVAL_PARAMS = Path("crossval/params.yaml")


def hold_out(clips: pd.DataFrame, groups: int, seed: int) -> Iterator[pd.DataFrame]:
    """Yield the table once for each group of training speakers, with that group's split as "held"."""
    train = clips.index[clips["split"] == "train"]
    folds = GroupKFold(groups, shuffle=True, random_state=seed).split(train, groups=clips.loc[train, "actor"])
    for _, held in folds:
        table = clips.copy()
        table.loc[train[held], "split"] = "held"
        yield table


def main() -> None:
    run = Run.from_arguments(__doc__)
    with reporting("train_crossfit"):
        clips = run.clips()
        described, groups = read_functionals(clips), read_params(CROSSVAL_PARAMS, "crossfit")["groups"]
        scores = {"hybrid_crossfit": [], "hybrid_crossfit_functionals": []}
        for table in hold_out(clips, groups, run.seed):
            embeddings, _ = train_and_embed(table, run.seed)
            both = torch.cat([embeddings, described], dim=1)
            for kept, features in zip(scores.values(), (embeddings, both), strict=True):
                kept.append(boost(features, table, run.seed, "held")[0])
        for model, kept in scores.items():
            write_run(run.path(model), clips, torch.stack(kept).mean(dim=0))


if __name__ == "__main__":
    main()
