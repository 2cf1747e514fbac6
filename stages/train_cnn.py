"""Train AudioCNN on mel: data/features/mel.pt → models/cnn.pt, its history and its predictions."""

import dataclasses
from pathlib import Path

from stages.ser.errors import reporting
from stages.ser.network_stage import train_network
from stages.ser.networks.cnn import AudioCNN, AudioCNNConfig
from stages.ser.predictions import write_predictions
from stages.ser.training import TrainingSettings


@dataclasses.dataclass(frozen=True)
class Settings(TrainingSettings):
    network: AudioCNNConfig


def main() -> None:
    with reporting("train_cnn"):
        trained = train_network("cnn", AudioCNN, Settings, Path("data/features/mel.pt"))
        write_predictions(trained.clips, trained.probabilities(), Path("data/predictions/cnn.csv"))


if __name__ == "__main__":
    main()
