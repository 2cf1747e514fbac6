"""Fine-tuning: which weights of an encoder learn, how fast, and the network of encoder and attentive head."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import torch
from peft import LoraConfig, inject_adapter_in_model
from torch import nn

from encoders.attentive import AttentiveConfig, AttentiveHead
from encoders.sequences import CopiedClips
from encoders.tunable import TunableWhisper
from stages.ser.augmentation import Augmentation, augment
from stages.ser.networks.blocks import check_fraction
from stages.ser.params import check
from stages.ser.runtime import PRECISIONS, autocast
from stages.ser.schedule import ScheduleSettings

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

    def __init__(self, encoder: TunableWhisper, head: AttentiveHead, precision: str) -> None:
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


def unfreeze(encoder: TunableWhisper, settings: FinetuneSettings) -> None:
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
