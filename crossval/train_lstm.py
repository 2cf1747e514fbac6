"""Train AudioLSTM on one fold: data/features/mfcc.pt → crossval/runs/<protocol>/lstm/<fold>-<seed>.{csv,json}."""

from pathlib import Path

from crossval.networks import run_network
from crossval.runs import Run
from stages.ser.errors import reporting
from stages.ser.networks.lstm import AudioLSTM
from stages.train_lstm import Settings


def main() -> None:
    run = Run.from_arguments(__doc__)
    with reporting("train_lstm"):
        run_network(run, "lstm", AudioLSTM, Settings, Path("data/features/mfcc.pt"))


if __name__ == "__main__":
    main()
