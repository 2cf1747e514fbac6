"""Train hybrids whose LightGBM learns from clips that its extractor did not train on:

data/features/{mel,logmel}.pt → runs/<protocol>/{hybrid_crossfit,hybrid_crossfit_functionals}/<fold>-<seed>.*.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import torch
from sklearn.model_selection import GroupKFold

from ser.data.fixed_length import RAVDESS_AudioDataset
from ser.data.own_length import OwnLengthClips
from ser.evaluation.fold_predictions import write_run
from ser.features.functionals import functionals
from ser.models.extractor import Extractor, Settings
from ser.models.hybrid import Hybrid
from ser.storage.errors import reporting
from ser.storage.params import build, check, read_params, read_value
from ser.training.boosting import BoostingSettings
from ser.training.runtime import RunSettings, set_up_torch
from studies.run import Run

PARAMS = Path("params.yaml")
CROSSVAL_PARAMS = Path("studies/crossval/params.yaml")
MEL = Path("data/features/mel.pt")
LOGMEL = Path("data/features/logmel.pt")
RUNS = Path("studies/crossval/runs")


@dataclasses.dataclass(frozen=True)
class CrossfitSettings:
    groups: int

    def __post_init__(self) -> None:
        check(self.groups >= 2, "groups", self.groups, "2 or more")


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
        training, boosting = read_params(PARAMS, "train_extractor", "train_lgbm")
        crossfit, threads = read_params(CROSSVAL_PARAMS, "crossfit"), read_value(CROSSVAL_PARAMS, "threads.design", int)
        groups = build(CrossfitSettings, crossfit, "crossfit", str(CROSSVAL_PARAMS)).groups
        shared, settings = RunSettings(run.seed, threads), build(Settings, training, "train_extractor")
        boosting = build(BoostingSettings, boosting | vars(shared), "train_lgbm")
        device = set_up_torch(shared.threads)
        clips = run.clips()
        described = functionals(OwnLengthClips.from_cache(LOGMEL, clips))
        scores = {"hybrid_crossfit": [], "hybrid_crossfit_functionals": []}
        for table in hold_out(clips, groups, run.seed):
            mel = RAVDESS_AudioDataset.from_cache(MEL, table)
            embeddings = Extractor.train(mel, settings, shared, device).embed(mel.features)
            both = torch.cat([embeddings, described], dim=1)
            for kept, features in zip(scores.values(), (embeddings, both), strict=True):
                hybrid = Hybrid.train(RAVDESS_AudioDataset(table, features), boosting, "held")
                kept.append(hybrid.logits(features))
        for model, kept in scores.items():
            write_run(run.path(RUNS, model), clips, torch.stack(kept).mean(dim=0))


if __name__ == "__main__":
    main()
