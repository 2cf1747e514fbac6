"""Train AudioCNN on mel: data/features/mel.pt → models/cnn.pt, its history and its predictions."""

import dataclasses
from pathlib import Path

from stages.ser.dataset import RAVDESS_AudioDataset, join_splits
from stages.ser.emotions import EMOTIONS
from stages.ser.errors import reporting
from stages.ser.files import read_table, write_table
from stages.ser.model_files import save_network
from stages.ser.networks.cnn import AudioCNN, AudioCNNConfig
from stages.ser.params import build, read_params
from stages.ser.predictions import write_predictions
from stages.ser.runtime import RunSettings, prepare
from stages.ser.training import TrainingSettings, fit, predict_probabilities

PARAMS = Path("params.yaml")
CLIPS = Path("data/clips.csv")
SPLITS = Path("data/splits.csv")
MEL = Path("data/features/mel.pt")
MODEL = Path("models/cnn.pt")
HISTORY = Path("plots/history/cnn.csv")
PREDICTIONS = Path("data/predictions/cnn.csv")


@dataclasses.dataclass(frozen=True)
class Settings(TrainingSettings):
    network: AudioCNNConfig


def main() -> None:
    with reporting("train_cnn"):
        run, settings = read_params(PARAMS, "train", "train_cnn")
        run, settings = build(RunSettings, run, "train"), build(Settings, settings, "train_cnn")
        clips = join_splits(read_table(CLIPS, ("clip", "emotion")), read_table(SPLITS, ("clip", "split")))
        dataset = RAVDESS_AudioDataset.from_cache(MEL, clips)
        train, val = dataset.part("train"), dataset.part("val")
        device = prepare(run)
        input_shape = tuple(dataset.features.shape[1:])
        network = AudioCNN(settings.network, input_shape, len(EMOTIONS), settings.normalization)
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
