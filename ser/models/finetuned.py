"""A fine-tuned encoder with an attentive head: which weights learn and how fast, trained, saved and loaded."""

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import torch
from peft import LoraConfig, inject_adapter_in_model
from torch import nn

from ser.corpora.emotions import EMOTIONS
from ser.data.augmentation import SWITCHES, Augmentation, augment, mask_stretches
from ser.data.copies import CopiedClips
from ser.encoders.tunable import Tunable, TunableWhisper, build_tunable, load_tunable
from ser.encoders.weights import CONFIGS
from ser.models.attentive import predict_copies
from ser.models.store import load_weights, read_description, save_weights, write_description
from ser.networks.attentive import AttentiveConfig, AttentiveHead
from ser.networks.blocks import check_fraction
from ser.storage.params import build, check
from ser.training.one_cycle import TrainingClips, fit_one_cycle
from ser.training.runtime import PRECISIONS, autocast, resolve_precision, seed_generators
from ser.training.schedule import ScheduleSettings

NAME = "finetuned"
MODES = ("lora", "last", "all")
BATCH = 32


@dataclasses.dataclass(frozen=True)
class LoraSettings:
    rank: int
    alpha: float
    dropout: float

    def __post_init__(self) -> None:
        check(self.rank >= 1, "rank", self.rank, "1 or more")
        check(self.alpha > 0, "alpha", self.alpha, "more than 0")
        check_fraction("dropout", self.dropout)


@dataclasses.dataclass(frozen=True)
class FinetuneSettings:
    threads: int
    precision: str
    mode: str
    last_layers: int
    encoder_learning_rate: float
    layer_decay: float
    lora: LoraSettings
    schedule: ScheduleSettings
    augmentation: Augmentation
    head: AttentiveConfig

    def __post_init__(self) -> None:
        check(self.precision in PRECISIONS, "precision", self.precision, " or ".join(PRECISIONS))
        check(self.mode in MODES, "mode", self.mode, " or ".join(MODES))
        check(self.last_layers >= 1, "last_layers", self.last_layers, "1 or more")
        check(
            0 < self.encoder_learning_rate < 1, "encoder_learning_rate", self.encoder_learning_rate, "between 0 and 1"
        )
        check(0 < self.layer_decay <= 1, "layer_decay", self.layer_decay, "above 0 to 1")


class FineTuned(nn.Module):
    """An encoder, in a precision of its own, and the attentive head on its states: inputs, lengths → logits."""

    def __init__(self, encoder: Tunable, head: AttentiveHead, precision: str) -> None:
        super().__init__()
        self.encoder, self.head, self.precision = encoder, head, precision

    def states(self, inputs: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the states (clip, frames, layers, width) float32, and the clips' lengths among them."""
        with autocast(self.precision, inputs.device):
            states, lengths = self.encoder(inputs, lengths)
        return states.float(), lengths

    def forward(self, inputs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        return self.head(*self.states(inputs, lengths))

    @torch.no_grad()
    def each_states(self, clips: CopiedClips, device: torch.device) -> Iterator[torch.Tensor]:
        """Yield the states (frames, layers, width) of the first copy of each clip."""
        for rows in torch.arange(len(clips.labels)).split(BATCH):
            batch = clips.batch(torch.zeros_like(rows), rows)
            states, lengths = self.states(*(tensor.to(device) for tensor in batch))
            yield from (clip[:length] for clip, length in zip(states, lengths.tolist(), strict=True))


def unfreeze(encoder: Tunable, settings: FinetuneSettings) -> None:
    """Leave gradients to low-rank adapters (Hu et al. 2021), put into all layers; or to the last layers; or to all."""
    encoder.requires_grad_(False)
    levels = encoder.levels
    if settings.mode == "lora":
        lora = settings.lora
        adapters = LoraConfig(
            r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=list(encoder.adapted)
        )
        inject_adapter_in_model(adapters, encoder.encoder)
    elif settings.mode == "last":
        layers = len(levels) - 1
        check(settings.last_layers <= layers, "last_layers", settings.last_layers, f"1 to {layers}, the encoder's")
        levels = levels[-settings.last_layers :]
    if settings.mode != "lora":
        for module in (module for level in levels for module in level):
            module.requires_grad_(True)


def rate_groups(network: FineTuned, settings: FinetuneSettings) -> list[dict[str, Any]]:
    """Return what learns with its peak rate: the head, then the encoder's levels from the last one down.

    Each level's rate is `layer_decay` times that of the one above it (Howard & Ruder 2018).
    """
    groups = [{"params": list(network.head.parameters()), "lr": settings.schedule.peak_learning_rate}]
    for distance, level in enumerate(reversed(network.encoder.levels)):
        learning = [weight for module in level for weight in module.parameters() if weight.requires_grad]
        if learning:
            groups.append({"params": learning, "lr": settings.encoder_learning_rate * settings.layer_decay**distance})
    return groups


@dataclasses.dataclass(frozen=True)
class AugmentedLogMel:
    """Changes Whisper's log-mel, (log10 of the power + 4) / 4, as if it were in dB."""

    settings: Augmentation

    def __call__(
        self, log_mel: torch.Tensor, lengths: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        changed, lengths = augment(40 * log_mel - 40, lengths, self.settings, generator)
        return changed / 40 + 1, lengths


@dataclasses.dataclass(frozen=True)
class MaskedInputs:
    """Masks stretches of inputs that are in no decibels: waveforms, in time alone, and normalised spectrograms."""

    settings: Augmentation

    def __post_init__(self) -> None:
        for name in set(SWITCHES) - {"masks", "mixup"}:
            value = getattr(self.settings, name)
            check(not value, f"augmentation.{name}", value, "0 for an encoder whose inputs are not in decibels")

    def __call__(
        self, inputs: torch.Tensor, lengths: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        bands = 0 if inputs.shape[2] == 1 else self.settings.band_mask
        return mask_stretches(inputs, lengths, dataclasses.replace(self.settings, band_mask=bands), generator), lengths


@dataclasses.dataclass(frozen=True)
class Finetuned:
    """What an encoder hears of each clip, (frames, bands) or (samples, 1) → log-probabilities."""

    network: FineTuned
    settings: FinetuneSettings
    device: torch.device

    @classmethod
    def train(
        cls, clips: CopiedClips, weights: Path, settings: FinetuneSettings, seed: int, device: torch.device
    ) -> Self:
        """Train on all these clips (frames, bands), from the weights in a folder on."""
        seed_generators(seed)
        network = _with_head(load_tunable(weights), settings, device).to(device)
        network.head.mixture.fit(network.each_states(clips, device))
        changes = AugmentedLogMel if isinstance(network.encoder, TunableWhisper) else MaskedInputs
        change = changes(settings.augmentation)
        drawn = TrainingClips(
            clips.lengths[0],
            clips.labels,
            lambda rows, generator: change(*clips.draw(rows, generator), generator),
        )
        fitted = fit_one_cycle(
            network,
            drawn,
            len(EMOTIONS),
            settings.schedule,
            settings.augmentation.mixup,
            seed,
            "float32",  # the network has a precision of its own
            device,
            groups=rate_groups(network, settings),
            average_buffers=False,
        )
        return cls(fitted.network, settings, device)

    def logits(self, clips: CopiedClips) -> torch.Tensor:
        """Return (clip, emotions) float32: the mean over the copies of a clip's log-probabilities."""
        return predict_copies(self.network, clips, self.device)

    def save(self, folder: Path, weights: Path) -> None:
        """Write the model to a folder; weights: the folder that the training began with, for its layers' shapes."""
        save_weights(self.network, folder)
        for name in CONFIGS:
            shutil.copyfile(weights / name, folder / name)
        write_description(folder, NAME, settings=dataclasses.asdict(self.settings))

    @classmethod
    def load(cls, folder: Path, device: torch.device | None = None) -> Self:
        """Read it again; ValueError names what does not fit."""
        found = read_description(folder, NAME, ("settings",))
        settings = build(FinetuneSettings, found["settings"], "settings", str(folder))
        device = device or torch.device("cpu")
        network = load_weights(_with_head(build_tunable(folder), settings, device), folder).to(device)
        return cls(network, settings, device)


def _with_head(encoder: Tunable, settings: FinetuneSettings, device: torch.device) -> FineTuned:
    """Return an encoder, as far as it learns, with an untrained head."""
    unfreeze(encoder, settings)
    head = AttentiveHead(settings.head, *encoder.shape, len(EMOTIONS))
    return FineTuned(encoder, head, resolve_precision(settings.precision, device))
