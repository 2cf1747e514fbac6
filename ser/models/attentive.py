"""Attentive pooling over all frames of all layers, as a head of an encoder."""

import dataclasses
from pathlib import Path
from typing import Self

import torch

from ser.corpora.emotions import EMOTIONS
from ser.data.copies import CopiedClips
from ser.models.store import load_weights, read_description, save_weights, write_description
from ser.networks.attentive import AttentiveConfig, AttentiveHead
from ser.storage.params import build, check
from ser.training.one_cycle import TrainingClips, fit_one_cycle, predict_own_length
from ser.training.runtime import seed_generators
from ser.training.schedule import ScheduleSettings

NAME = "attentive"
PREDICTION_BATCH = 32


@dataclasses.dataclass(frozen=True)
class Settings:
    threads: int
    mixup: float
    schedule: ScheduleSettings
    head: AttentiveConfig

    def __post_init__(self) -> None:
        check(self.mixup >= 0, "mixup", self.mixup, "0 (none) or more")


@dataclasses.dataclass(frozen=True)
class Attentive:
    """Frames (frames, layers, width) of each clip → log-probabilities."""

    network: AttentiveHead
    config: AttentiveConfig
    shape: tuple[int, int]  # layers, width
    device: torch.device

    @classmethod
    def train(cls, clips: CopiedClips, settings: Settings, seed: int, device: torch.device) -> Self:
        """Train on all these clips (frames, layers, width); an epoch sees one copy of each, drawn at random."""
        seed_generators(seed)
        shape = tuple(clips.copies[0][0].shape[1:])
        network = AttentiveHead(settings.head, *shape, len(EMOTIONS))
        network.mixture.fit(clips.copies[0])
        drawn = TrainingClips(clips.lengths[0], clips.labels, clips.draw)
        fitted = fit_one_cycle(
            network,
            drawn,
            len(EMOTIONS),
            settings.schedule,
            settings.mixup,
            seed,
            "float32",
            device,
            average_buffers=False,
        )
        return cls(fitted.network, settings.head, shape, device)

    def logits(self, clips: CopiedClips) -> torch.Tensor:
        """Return (clip, emotions) float32: the mean over the copies of a clip's log-probabilities."""
        return predict_copies(self.network, clips, self.device)

    def save(self, folder: Path) -> None:
        """Write the head to a folder."""
        save_weights(self.network, folder)
        write_description(folder, NAME, config=dataclasses.asdict(self.config), shape=self.shape)

    @classmethod
    def load(cls, folder: Path, device: torch.device | None = None) -> Self:
        """Read it again; ValueError names what does not fit."""
        found = read_description(folder, NAME, ("config", "shape"))
        config, shape = build(AttentiveConfig, found["config"], "config", str(folder)), tuple(found["shape"])
        device = device or torch.device("cpu")
        network = load_weights(AttentiveHead(config, *shape, len(EMOTIONS)), folder).to(device)
        return cls(network, config, shape, device)


def predict_copies(network: torch.nn.Module, clips: CopiedClips, device: torch.device) -> torch.Tensor:
    """Return (clip, emotions) float32 on the CPU: the mean over the copies of a clip's log-probabilities."""
    copies = []
    for copy, lengths in enumerate(clips.lengths):
        logits = predict_own_length(
            network,
            lengths,
            lambda rows, copy=copy: clips.batch(torch.full_like(rows, copy), rows),
            device,
            PREDICTION_BATCH,
        )
        copies.append(logits.log_softmax(dim=1))
    return torch.stack(copies).mean(dim=0).cpu()
