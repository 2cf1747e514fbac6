"""What the stages that train a network share: features and params → the trained network and its history."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from stages.ser.checkpoints import Checkpoint
from stages.ser.dataset import RAVDESS_AudioDataset, join_splits
from stages.ser.emotions import EMOTIONS
from stages.ser.files import read_table, write_table
from stages.ser.model_files import save_network
from stages.ser.params import build, read_params
from stages.ser.runtime import RunSettings, prepare
from stages.ser.training import TrainingSettings, fit, predict_probabilities


@dataclasses.dataclass(frozen=True)
class Trained:
    """A trained network with all clips, those of every split."""

    network: nn.Module
    clips: pd.DataFrame
    features: torch.Tensor
    precision: str
    device: torch.device

    def probabilities(self) -> np.ndarray:
        """Return float64 probabilities (clip, emotions)."""
        return predict_probabilities(self.network, self.features, self.precision, self.device)


def train_network(
    name: str, network_kind: type[nn.Module], settings_kind: type[TrainingSettings], cache: Path
) -> Trained:
    """Train on the features of a cache by the params of `train_<name>`.

    Writes models/<name>.pt, models/<name>.json and plots/history/<name>.csv. `settings_kind` has the network's
    settings as `network`.
    """
    section = f"train_{name}"
    run, settings = read_params(Path("params.yaml"), "train", section)
    run, settings = build(RunSettings, run, "train"), build(settings_kind, settings, section)
    device = prepare(run)
    clips = join_splits(
        read_table(Path("data/clips.csv"), ("clip", "emotion")), read_table(Path("data/splits.csv"), ("clip", "split"))
    )
    dataset = RAVDESS_AudioDataset.from_cache(cache, clips)
    train, val = dataset.part("train"), dataset.part("val")
    shape = tuple(dataset.features.shape[1:])
    network = network_kind(settings.network, shape, len(EMOTIONS), settings.normalization)
    origin = (run, settings, device, train.features, train.labels, val.features, val.labels)
    checkpoint = Checkpoint(section, *origin)
    result = fit(network, train, val, len(EMOTIONS), settings, run, device, checkpoint)
    facts = {"best_epoch": result.best_epoch, "precision": result.precision}
    save_network(network, settings.network, shape, settings.normalization, Path(f"models/{name}.pt"), **facts)
    write_table(result.history, Path(f"plots/history/{name}.csv"))
    checkpoint.remove()
    return Trained(network, clips, dataset.features, result.precision, device)
