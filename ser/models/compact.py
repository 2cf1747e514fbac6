"""CompactNet on log-mel of the clips' own lengths: its settings, and how it is trained, saved and loaded."""

import dataclasses
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from torch import nn

from ser.corpora.emotions import EMOTIONS
from ser.data.augmentation import Augmentation, augment
from ser.data.own_length import OwnLengthClips
from ser.data.tables import class_weights
from ser.models.store import count_parameters, load_weights, read_description, save_weights, write_description
from ser.networks.compact import CompactConfig, CompactNet
from ser.storage.files import replacing_folder
from ser.storage.params import build, check
from ser.training.checkpoints import Checkpoint
from ser.training.one_cycle import TrainingClips, fit_one_cycle, predict_own_length
from ser.training.runtime import PRECISIONS, RunSettings, resolve_precision, seed_generators
from ser.training.schedule import ScheduleSettings

NAME = "compact"
KEYS = ("bands", "config", "front_end", "precision")


@dataclasses.dataclass(frozen=True)
class Settings:
    precision: str
    schedule: ScheduleSettings
    augmentation: Augmentation
    network: CompactConfig

    def __post_init__(self) -> None:
        check(self.precision in PRECISIONS, "precision", self.precision, " or ".join(PRECISIONS))


@dataclasses.dataclass(frozen=True)
class Compact:
    """CompactNet with what it needs beside its weights; history: a row an epoch, None of a model that was loaded."""

    network: nn.Module
    config: CompactConfig
    bands: int
    front_end: dict[str, Any]
    precision: str  # of its training steps; it predicts in float32
    device: torch.device
    history: pd.DataFrame | None = None

    @classmethod
    def train(
        cls,
        train: OwnLengthClips,
        val: OwnLengthClips | None,
        settings: Settings,
        run: RunSettings,
        device: torch.device,
        resume: Path | None = None,
    ) -> Self:
        """Train on some clips and report scores of others, if there are any; they change nothing of the outcome.

        resume: a file from which a stopped training continues.
        """
        seed_generators(run.seed)
        network = CompactNet(settings.network, train.bands, len(EMOTIONS))
        parts = (train,) if val is None else (train, val)
        data = (item for part in parts for item in (torch.cat(part.clips), part.lengths, part.labels))
        checkpoint = Checkpoint(resume, run, settings, device, *data) if resume else None
        network.standardize.fit(train.clips)
        weights = class_weights(train.labels, len(EMOTIONS)).to(device)
        precision, augmentation = resolve_precision(settings.precision, device), settings.augmentation
        fitted = fit_one_cycle(
            network,
            TrainingClips(
                train.lengths,
                train.labels,
                lambda rows, generator: augment(*train.batch(rows), augmentation, generator),
            ),
            len(EMOTIONS),
            settings.schedule,
            augmentation.mixup,
            run.seed,
            precision,
            device,
            watch=lambda averaged: {} if val is None else validate(averaged, val, weights, device),
            checkpoint=checkpoint,
        )
        return cls(fitted.network, settings.network, train.bands, train.front_end, precision, device, fitted.history)

    def logits(self, clips: OwnLengthClips) -> torch.Tensor:
        """Return float32 logits (clip, emotions)."""
        return predict_own_length(self.network, clips.lengths, clips.batch, self.device)

    def probabilities(self, clips: OwnLengthClips) -> np.ndarray:
        """Return float64 probabilities (clip, emotions)."""
        return self.logits(clips).double().softmax(dim=1).cpu().numpy()

    def save(self, folder: Path) -> None:
        """Write the model as a folder, whole or not at all."""
        with replacing_folder(folder) as temporary:
            save_weights(self.network, temporary)
            write_description(
                temporary,
                NAME,
                bands=self.bands,
                config=dataclasses.asdict(self.config),
                front_end=self.front_end,
                parameters=count_parameters(self.network),
                precision=self.precision,
            )

    @classmethod
    def load(cls, folder: Path, device: torch.device | None = None) -> Self:
        """Read a model from its folder; ValueError names what does not fit."""
        found = read_description(folder, NAME, KEYS)
        config, device = build(CompactConfig, found["config"], "config", str(folder)), device or torch.device("cpu")
        network = load_weights(CompactNet(config, found["bands"], len(EMOTIONS)), folder).to(device)
        return cls(network, config, found["bands"], found["front_end"], found["precision"], device)


def validate(network: nn.Module, val: OwnLengthClips, weights: torch.Tensor, device: torch.device) -> dict[str, float]:
    """Return val_loss (class-weighted cross-entropy) and val_accuracy."""
    logits, labels = predict_own_length(network, val.lengths, val.batch, device), val.labels.to(device)
    return {
        "val_loss": nn.functional.cross_entropy(logits, labels, weights).item(),
        "val_accuracy": (logits.argmax(dim=1) == labels).float().mean().item(),
    }
