"""Train AudioLSTM on one fold: data/features/mfcc.pt → crossval/runs/<protocol>/lstm/<fold>-<seed>.{csv,json}."""

import dataclasses
from pathlib import Path

from crossval.networks import train_network
from crossval.runs import Run, write_run
from stages.ser.errors import reporting
from stages.ser.networks.lstm import AudioLSTM, AudioLSTMConfig
from stages.ser.training import TrainingSettings, predict_logits


@dataclasses.dataclass(frozen=True)
class Settings(TrainingSettings):
    network: AudioLSTMConfig


def main() -> None:
    run = Run.from_arguments(__doc__)
    with reporting("train_lstm"):
        network, result, dataset, device = train_network(
            run, AudioLSTM, Settings, "train_lstm", Path("data/features/mfcc.pt")
        )
        logits = predict_logits(network, dataset.features, result.precision, device)
        write_run(run.path("lstm"), dataset.table, logits, best_epoch=result.best_epoch)


if __name__ == "__main__":
    main()
