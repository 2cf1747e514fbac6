"""Train AudioCNN on one fold: data/features/mel.pt → crossval/runs/<protocol>/cnn/<fold>-<seed>.{csv,json}."""

import dataclasses
from pathlib import Path

from crossval.networks import train_network
from crossval.runs import Run, write_run
from stages.ser.errors import reporting
from stages.ser.networks.cnn import AudioCNN, AudioCNNConfig
from stages.ser.training import TrainingSettings, predict_logits


@dataclasses.dataclass(frozen=True)
class Settings(TrainingSettings):
    network: AudioCNNConfig


def main() -> None:
    run = Run.from_arguments(__doc__)
    with reporting("train_cnn"):
        network, result, dataset, device = train_network(
            run, AudioCNN, Settings, "train_cnn", Path("data/features/mel.pt")
        )
        logits = predict_logits(network, dataset.features, result.precision, device)
        write_run(run.path("cnn"), dataset.table, logits, best_epoch=result.best_epoch)


if __name__ == "__main__":
    main()
