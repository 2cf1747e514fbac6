"""Train AudioCNN on one fold: data/features/mel.pt → crossval/runs/<protocol>/cnn/<fold>-<seed>.{csv,json}."""

from pathlib import Path

from crossval.networks import run_network
from crossval.runs import Run
from stages.ser.errors import reporting
from stages.ser.networks.cnn import AudioCNN
from stages.train_cnn import Settings


def main() -> None:
    run = Run.from_arguments(__doc__)
    with reporting("train_cnn"):
        run_network(run, "cnn", AudioCNN, Settings, Path("data/features/mel.pt"))


if __name__ == "__main__":
    main()
