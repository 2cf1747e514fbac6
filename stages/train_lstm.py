"""Train AudioLSTM on MFCC: data/features/mfcc.pt → models/lstm.pt, its history and its predictions."""

import dataclasses
from pathlib import Path

from stages.ser.dataset import RAVDESS_AudioDataset, join_splits
from stages.ser.emotions import EMOTIONS
from stages.ser.errors import reporting
from stages.ser.files import read_table, write_table
from stages.ser.model_files import save_network
from stages.ser.networks.lstm import AudioLSTM, AudioLSTMConfig
from stages.ser.params import build, read_params
from stages.ser.predictions import write_predictions
from stages.ser.runtime import RunSettings, prepare
from stages.ser.training import TrainingSettings, fit, predict_probabilities

PARAMS = Path("params.yaml")
CLIPS = Path("data/clips.csv")
SPLITS = Path("data/splits.csv")
MFCC = Path("data/features/mfcc.pt")
MODEL = Path("models/lstm.pt")
HISTORY = Path("plots/history/lstm.csv")
PREDICTIONS = Path("data/predictions/lstm.csv")


@dataclasses.dataclass(frozen=True)
class Settings(TrainingSettings):
    network: AudioLSTMConfig


def main() -> None:
    with reporting("train_lstm"):
        run, settings = read_params(PARAMS, "train", "train_lstm")
        run, settings = build(RunSettings, run, "train"), build(Settings, settings, "train_lstm")
        clips = join_splits(read_table(CLIPS, ("clip", "emotion")), read_table(SPLITS, ("clip", "split")))
        dataset = RAVDESS_AudioDataset.from_cache(MFCC, clips)
        train, val = dataset.part("train"), dataset.part("val")
        device = prepare(run)
        input_shape = tuple(dataset.features.shape[1:])
        network = AudioLSTM(settings.network, input_shape, len(EMOTIONS), settings.normalization)
        result = fit(network, train, val, len(EMOTIONS), settings, run, device)
        save_network(
            network,
            settings.network,
            input_shape,
            settings.normalization,
            MODEL,
            best_epoch=result.best_epoch,
            precision=result.precision,
        )
        write_table(result.history, HISTORY)
        write_predictions(
            clips, predict_probabilities(network, dataset.features, result.precision, device), PREDICTIONS
        )


if __name__ == "__main__":
    main()
