"""AudioCNN: four convolution blocks and a fully connected head on log-mel spectrograms."""

import dataclasses
import itertools

import torch
from torch import nn

from ser.networks.blocks import Standardize, check_fraction, check_poolings, check_sizes, conv_block


@dataclasses.dataclass(frozen=True)
class AudioCNNConfig:
    channels: tuple[int, ...]
    kernel: int
    dropout: float
    hidden: int

    def __post_init__(self) -> None:
        check_sizes("channels", self.channels)
        check_sizes("kernel", self.kernel, odd=True)
        check_fraction("dropout", self.dropout)
        check_sizes("hidden", self.hidden)


class AudioCNN(nn.Module):
    """(clip, 1, bands, frames) float32 → logits (clip, emotions)."""

    def __init__(self, config: AudioCNNConfig, input_shape: tuple[int, ...], emotions: int, normalization: str) -> None:
        super().__init__()
        check_poolings(config.channels, *input_shape[-2:])
        self.standardize = Standardize(normalization, bands=input_shape[-2], band_axis=-2)
        widths = (input_shape[0], *config.channels)
        self.convolutions = nn.Sequential(
            *(conv_block(before, after, config.kernel, config.dropout) for before, after in itertools.pairwise(widths))
        )
        with torch.no_grad():
            flat = self.convolutions.eval()(torch.zeros(1, *input_shape)).numel()
        self.convolutions.train()
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(flat, config.hidden),
            nn.BatchNorm1d(config.hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(config.dropout),
            nn.Linear(config.hidden, emotions),
        )

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        return self.head(self.convolutions(self.standardize(mel)))
