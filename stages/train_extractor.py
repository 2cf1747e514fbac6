"""Train CNNLSTM on mel: data/features/mel.pt → models/extractor.pt, its history."""

import dataclasses
from pathlib import Path

from stages.ser.errors import reporting
from stages.ser.network_stage import train_network
from stages.ser.networks.cnn_lstm import CNNLSTM, CNNLSTMConfig
from stages.ser.training import TrainingSettings


@dataclasses.dataclass(frozen=True)
class Settings(TrainingSettings):
    network: CNNLSTMConfig


def main() -> None:
    with reporting("train_extractor"):
        train_network("extractor", CNNLSTM, Settings, Path("data/features/mel.pt"))


if __name__ == "__main__":
    main()
