"""Train AudioCNN on one fold: data/features/mel.pt → studies/crossval/runs/<protocol>/cnn/<fold>-<seed>.*."""

from pathlib import Path

from ser.data.fixed_length import RAVDESS_AudioDataset
from ser.evaluation.fold_predictions import write_run
from ser.models.cnn import CNN, Settings
from ser.storage.errors import reporting
from ser.storage.params import build, read_params, read_value
from ser.training.runtime import RunSettings, set_up_torch
from studies.run import Run

PARAMS = Path("params.yaml")
CROSSVAL_PARAMS = Path("studies/crossval/params.yaml")
MEL = Path("data/features/mel.pt")
RUNS = Path("studies/crossval/runs")


def main() -> None:
    run = Run.from_arguments(__doc__)
    with reporting("train_cnn"):
        settings = build(Settings, read_params(PARAMS, "train_cnn"), "train_cnn")
        shared = RunSettings(run.seed, read_value(CROSSVAL_PARAMS, "threads.design", int))
        device = set_up_torch(shared.threads)
        dataset = RAVDESS_AudioDataset.from_cache(MEL, run.clips())
        model = CNN.train(dataset, settings, shared, device)
        logits = model.logits(dataset.features)
        write_run(run.path(RUNS, "cnn"), dataset.table, logits, best_epoch=model.best_epoch)


if __name__ == "__main__":
    main()
