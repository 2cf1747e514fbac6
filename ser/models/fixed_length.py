"""The networks on features of one length: how they train, save, load and predict."""

import dataclasses
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import torch
from torch import nn

from ser.corpora.emotions import EMOTIONS
from ser.data.fixed_length import RAVDESS_AudioDataset
from ser.models.store import count_parameters, load_weights, read_description, save_weights, write_description
from ser.storage.files import replacing_folder
from ser.storage.params import build
from ser.training.best_epoch import BestEpochSettings, fit, predict_logits, predict_probabilities
from ser.training.checkpoints import Checkpoint
from ser.training.runtime import RunSettings, seed_generators

KEYS = ("best_epoch", "config", "front_end", "input_shape", "normalization", "precision")


@dataclasses.dataclass(frozen=True)
class FixedLengthModel:
    """A network with what it needs beside its weights; a model of the family names the network and its settings.

    config: of the network; front_end: the settings its features were computed with; history: a row an epoch, None of
    a model that was loaded.
    """

    name: ClassVar[str]
    network_kind: ClassVar[type[nn.Module]]
    settings_kind: ClassVar[type[BestEpochSettings]]

    network: nn.Module
    config: Any
    normalization: str
    input_shape: tuple[int, ...]
    front_end: dict[str, Any]
    precision: str
    best_epoch: int
    device: torch.device
    history: pd.DataFrame | None = None

    @classmethod
    def train(
        cls,
        dataset: RAVDESS_AudioDataset,
        settings: BestEpochSettings,
        run: RunSettings,
        device: torch.device,
        resume: Path | None = None,
    ) -> Self:
        """Train on the clips of the split train; those of val choose the epoch.

        settings: of `settings_kind`; resume: a file from which a stopped training continues.
        """
        seed_generators(run.seed)
        train, val = dataset.part("train"), dataset.part("val")
        shape = tuple(dataset.features.shape[1:])
        network = cls.network_kind(settings.network, shape, len(EMOTIONS), settings.normalization)
        origin = (run, settings, device, train.features, train.labels, val.features, val.labels)
        checkpoint = Checkpoint(resume, *origin) if resume else None
        result = fit(network, train, val, len(EMOTIONS), settings, run.seed, device, checkpoint)
        return cls(
            network,
            settings.network,
            settings.normalization,
            shape,
            dataset.front_end,
            result.precision,
            result.best_epoch,
            device,
            result.history,
        )

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        """Return float32 logits (clip, emotions) of features (clip, …)."""
        return predict_logits(self.network, features, self.precision, self.device)

    def probabilities(self, features: torch.Tensor) -> np.ndarray:
        """Return float64 probabilities (clip, emotions) of features (clip, …)."""
        return predict_probabilities(self.network, features, self.precision, self.device)

    def save(self, folder: Path) -> None:
        """Write the model as a folder, whole or not at all."""
        with replacing_folder(folder) as temporary:
            save_weights(self.network, temporary)
            write_description(
                temporary,
                self.name,
                best_epoch=self.best_epoch,
                config=dataclasses.asdict(self.config),
                front_end=self.front_end,
                input_shape=self.input_shape,
                normalization=self.normalization,
                parameters=count_parameters(self.network),
                precision=self.precision,
            )

    @classmethod
    def load(cls, folder: Path, device: torch.device | None = None) -> Self:
        """Read a model from its folder; ValueError names what does not fit."""
        found = read_description(folder, cls.name, KEYS)
        config_kind = next(field.type for field in dataclasses.fields(cls.settings_kind) if field.name == "network")
        config = build(config_kind, found["config"], "config", str(folder))
        shape, device = tuple(found["input_shape"]), device or torch.device("cpu")
        network = cls.network_kind(config, shape, len(EMOTIONS), found["normalization"])
        network = load_weights(network, folder).to(device)
        facts = (found[key] for key in ("front_end", "precision", "best_epoch"))
        return cls(network, config, found["normalization"], shape, *facts, device)
