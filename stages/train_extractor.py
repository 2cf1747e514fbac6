"""Train CNNLSTM on mel: data/features/mel.pt → models/extractor.pt, its history."""

import dataclasses
from pathlib import Path

from stages.ser.dataset import RAVDESS_AudioDataset, join_splits
from stages.ser.emotions import EMOTIONS
from stages.ser.errors import reporting
from stages.ser.files import read_table, write_table
from stages.ser.model_files import save_network
from stages.ser.networks.cnn_lstm import CNNLSTM, CNNLSTMConfig
from stages.ser.params import build, read_params
from stages.ser.runtime import RunSettings, prepare
from stages.ser.training import TrainingSettings, fit

PARAMS = Path("params.yaml")
CLIPS = Path("data/clips.csv")
SPLITS = Path("data/splits.csv")
MEL = Path("data/features/mel.pt")
MODEL = Path("models/extractor.pt")
HISTORY = Path("plots/history/extractor.csv")


@dataclasses.dataclass(frozen=True)
class Settings(TrainingSettings):
    network: CNNLSTMConfig


def main() -> None:
    with reporting("train_extractor"):
        run, settings = read_params(PARAMS, "train", "train_extractor")
        run, settings = build(RunSettings, run, "train"), build(Settings, settings, "train_extractor")
        clips = join_splits(read_table(CLIPS, ("clip", "emotion")), read_table(SPLITS, ("clip", "split")))
        dataset = RAVDESS_AudioDataset.from_cache(MEL, clips)
        train, val = dataset.part("train"), dataset.part("val")
        device = prepare(run)
        input_shape = tuple(dataset.features.shape[1:])
        network = CNNLSTM(settings.network, input_shape, len(EMOTIONS), settings.normalization)
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


if __name__ == "__main__":
    main()
