"""Train AudioCNN on mel: data/features/mel.pt → models/cnn/, its history and its predictions."""

from pathlib import Path

from ser.corpora.clip_table import read_clips, read_splits
from ser.data.fixed_length import RAVDESS_AudioDataset
from ser.data.tables import join_splits
from ser.evaluation.predictions import write_predictions
from ser.models.cnn import CNN, Settings
from ser.storage.errors import reporting
from ser.storage.files import write_table
from ser.storage.params import build, read_params
from ser.training.runtime import RunSettings, set_up_torch

PARAMS = Path("params.yaml")
CLIPS = Path("data/clips.csv")
SPLITS = Path("data/splits.csv")
MEL = Path("data/features/mel.pt")
MODEL = Path("models/cnn")
HISTORY = Path("plots/history/cnn.csv")
PREDICTIONS = Path("data/predictions/cnn.csv")
RESUME = Path(".resume/train_cnn.pt")


def main() -> None:
    with reporting("train_cnn"):
        run, settings = read_params(PARAMS, "train", "train_cnn")
        run, settings = build(RunSettings, run, "train"), build(Settings, settings, "train_cnn")
        device = set_up_torch(run.threads)
        clips = join_splits(read_clips(CLIPS, "clip", "emotion"), read_splits(SPLITS))
        dataset = RAVDESS_AudioDataset.from_cache(MEL, clips)
        model = CNN.train(dataset, settings, run, device, RESUME)
        model.save(MODEL)
        write_table(model.history, HISTORY)
        write_predictions(clips, model.probabilities(dataset.features), PREDICTIONS)
        RESUME.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
