"""Train CompactNet on log-mel: data/features/logmel.pt → models/compact.pt, its history and its predictions."""

import dataclasses
from pathlib import Path

import torch

from stages.ser.augmentation import Augmentation
from stages.ser.checkpoints import Checkpoint
from stages.ser.dataset import join_splits
from stages.ser.emotions import EMOTIONS
from stages.ser.errors import reporting
from stages.ser.files import read_table, write_json, write_table
from stages.ser.networks.compact import CompactConfig, CompactNet
from stages.ser.params import build, check, read_params
from stages.ser.predictions import write_predictions
from stages.ser.ragged import RaggedDataset
from stages.ser.runtime import PRECISIONS, RunSettings, prepare, resolve_precision
from stages.ser.schedule import ScheduleSettings
from stages.ser.schedule_training import fit_on_schedule, predict_ragged_probabilities
from stages.ser.tensors import save_tensors

PARAMS = Path("params.yaml")
CLIPS = Path("data/clips.csv")
SPLITS = Path("data/splits.csv")
LOGMEL = Path("data/features/logmel.pt")
MODEL = Path("models/compact.pt")
HISTORY = Path("plots/history/compact.csv")
PREDICTIONS = Path("data/predictions/compact.csv")


@dataclasses.dataclass(frozen=True)
class Settings:
    precision: str
    schedule: ScheduleSettings
    augmentation: Augmentation
    network: CompactConfig

    def __post_init__(self) -> None:
        check(self.precision in PRECISIONS, "precision", self.precision, " or ".join(PRECISIONS))


def main() -> None:
    with reporting("train_compact"):
        run, settings = read_params(PARAMS, "train", "train_compact")
        run, settings = build(RunSettings, run, "train"), build(Settings, settings, "train_compact")
        device = prepare(run)
        clips = join_splits(read_table(CLIPS, ("clip", "emotion")), read_table(SPLITS, ("clip", "split")))
        dataset = RaggedDataset.from_cache(LOGMEL, clips)
        train, val = (dataset[torch.tensor((clips["split"] == part).to_numpy())] for part in ("train", "val"))
        network = CompactNet(settings.network, dataset.bands, len(EMOTIONS))
        data = (item for part in (train, val) for item in (torch.cat(part.clips), part.lengths, part.labels))
        checkpoint = Checkpoint("train_compact", run, settings, device, *data)
        precision = resolve_precision(settings.precision, device)
        schedule, augmentation = settings.schedule, settings.augmentation
        fitted = fit_on_schedule(
            network, train, val, len(EMOTIONS), schedule, augmentation, run.seed, precision, device, checkpoint
        )
        save_tensors(fitted.network.state_dict(), MODEL)
        description = {
            "bands": dataset.bands,
            "config": dataclasses.asdict(settings.network),
            "emotions": EMOTIONS,
            "network": "CompactNet",
            "parameters": sum(parameter.numel() for parameter in network.parameters()),
            "precision": precision,
        }
        write_json(description, MODEL.with_suffix(".json"))
        write_table(fitted.history, HISTORY)
        write_predictions(clips, predict_ragged_probabilities(fitted.network, dataset, device), PREDICTIONS)
        checkpoint.remove()


if __name__ == "__main__":
    main()
