"""Train LightGBM on functionals alone: logmel.pt → studies/crossval/runs/<protocol>/functionals/<fold>-<seed>.*."""

from pathlib import Path

from ser.data.fixed_length import RAVDESS_AudioDataset
from ser.data.own_length import OwnLengthClips
from ser.evaluation.fold_predictions import write_run
from ser.features.functionals import functionals
from ser.models.hybrid import Hybrid
from ser.storage.errors import reporting
from ser.storage.params import build, read_params, read_value
from ser.training.boosting import BoostingSettings
from studies.run import Run

PARAMS = Path("params.yaml")
CROSSVAL_PARAMS = Path("studies/crossval/params.yaml")
LOGMEL = Path("data/features/logmel.pt")
RUNS = Path("studies/crossval/runs")


def main() -> None:
    run = Run.from_arguments(__doc__)
    with reporting("train_functionals"):
        fixed = {"seed": run.seed, "threads": read_value(CROSSVAL_PARAMS, "threads.design", int)}
        settings = build(BoostingSettings, read_params(PARAMS, "train_lgbm") | fixed, "train_lgbm")
        clips = run.clips()
        features = functionals(OwnLengthClips.from_cache(LOGMEL, clips))
        trees = Hybrid.train(RAVDESS_AudioDataset(clips, features), settings)
        write_run(run.path(RUNS, "functionals"), clips, trees.logits(features), trees=trees.best_iteration)


if __name__ == "__main__":
    main()
