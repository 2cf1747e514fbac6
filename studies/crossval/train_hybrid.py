"""Train CNN-LSTM on one fold, and LightGBM on its embeddings, alone (the design's way) and beside functionals:

data/features/{mel,logmel}.pt → studies/crossval/runs/<protocol>/{hybrid,hybrid_functionals}/<fold>-<seed>.{csv,json}.
"""

from pathlib import Path

import torch

from ser.data.fixed_length import RAVDESS_AudioDataset
from ser.data.own_length import OwnLengthClips
from ser.evaluation.fold_predictions import write_run
from ser.features.functionals import functionals
from ser.models.extractor import Extractor, Settings
from ser.models.hybrid import Hybrid
from ser.storage.errors import reporting
from ser.storage.params import build, read_params, read_value
from ser.training.boosting import BoostingSettings
from ser.training.runtime import RunSettings, set_up_torch
from studies.run import Run

PARAMS = Path("params.yaml")
CROSSVAL_PARAMS = Path("studies/crossval/params.yaml")
MEL = Path("data/features/mel.pt")
LOGMEL = Path("data/features/logmel.pt")
RUNS = Path("studies/crossval/runs")


def main() -> None:
    run = Run.from_arguments(__doc__)
    with reporting("train_hybrid"):
        training, boosting = read_params(PARAMS, "train_extractor", "train_lgbm")
        shared = RunSettings(run.seed, read_value(CROSSVAL_PARAMS, "threads.design", int))
        settings = build(Settings, training, "train_extractor")
        boosting = build(BoostingSettings, boosting | vars(shared), "train_lgbm")
        device = set_up_torch(shared.threads)
        clips = run.clips()
        mel = RAVDESS_AudioDataset.from_cache(MEL, clips)
        extractor = Extractor.train(mel, settings, shared, device)
        embeddings = extractor.embed(mel.features)
        both = torch.cat([embeddings, functionals(OwnLengthClips.from_cache(LOGMEL, clips))], dim=1)
        for model, features in (("hybrid", embeddings), ("hybrid_functionals", both)):
            hybrid = Hybrid.train(RAVDESS_AudioDataset(clips, features), boosting)
            facts = {"best_epoch": extractor.best_epoch, "trees": hybrid.best_iteration}
            write_run(run.path(RUNS, model), clips, hybrid.logits(features), **facts)


if __name__ == "__main__":
    main()
