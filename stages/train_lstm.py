"""Train AudioLSTM on MFCC: data/features/mfcc.pt → models/lstm/, its history and its predictions."""

from pathlib import Path

from ser.corpora.clip_table import read_clips, read_splits
from ser.data.fixed_length import RAVDESS_AudioDataset
from ser.data.tables import join_splits
from ser.evaluation.predictions import write_predictions
from ser.models.lstm import LSTM, Settings
from ser.storage.errors import reporting
from ser.storage.files import write_table
from ser.storage.params import build, read_params
from ser.training.runtime import RunSettings, set_up_torch

PARAMS = Path("params.yaml")
CLIPS = Path("data/clips.csv")
SPLITS = Path("data/splits.csv")
MFCC = Path("data/features/mfcc.pt")
MODEL = Path("models/lstm")
HISTORY = Path("plots/history/lstm.csv")
PREDICTIONS = Path("data/predictions/lstm.csv")
RESUME = Path(".resume/train_lstm.pt")


def main() -> None:
    with reporting("train_lstm"):
        run, settings = read_params(PARAMS, "train", "train_lstm")
        run, settings = build(RunSettings, run, "train"), build(Settings, settings, "train_lstm")
        device = set_up_torch(run.threads)
        clips = join_splits(read_clips(CLIPS, "clip", "emotion"), read_splits(SPLITS))
        dataset = RAVDESS_AudioDataset.from_cache(MFCC, clips)
        model = LSTM.train(dataset, settings, run, device, RESUME)
        model.save(MODEL)
        write_table(model.history, HISTORY)
        write_predictions(clips, model.probabilities(dataset.features), PREDICTIONS)
        RESUME.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
