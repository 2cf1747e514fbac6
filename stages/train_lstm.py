"""Train AudioLSTM on MFCC: data/features/mfcc.pt → models/lstm.pt, its history and its predictions."""

import dataclasses
from pathlib import Path

from stages.ser.errors import reporting
from stages.ser.network_stage import train_network
from stages.ser.networks.lstm import AudioLSTM, AudioLSTMConfig
from stages.ser.predictions import write_predictions
from stages.ser.training import TrainingSettings


@dataclasses.dataclass(frozen=True)
class Settings(TrainingSettings):
    network: AudioLSTMConfig


def main() -> None:
    with reporting("train_lstm"):
        trained = train_network("lstm", AudioLSTM, Settings, Path("data/features/mfcc.pt"))
        write_predictions(trained.clips, trained.probabilities(), Path("data/predictions/lstm.csv"))


if __name__ == "__main__":
    main()
