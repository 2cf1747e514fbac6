"""AudioLSTM: a bidirectional LSTM on MFCC, read out at the last time step."""

import dataclasses

import torch
from torch import nn

from ser.networks.blocks import Standardize, check_fraction, check_sizes


@dataclasses.dataclass(frozen=True)
class AudioLSTMConfig:
    hidden: int
    layers: int
    dropout: float

    def __post_init__(self) -> None:
        check_sizes("hidden", self.hidden)
        check_sizes("layers", self.layers)
        check_fraction("dropout", self.dropout)


class AudioLSTM(nn.Module):
    """(clip, frames, coefficients) float32 → logits (clip, emotions)."""

    def __init__(
        self, config: AudioLSTMConfig, input_shape: tuple[int, ...], emotions: int, normalization: str
    ) -> None:
        super().__init__()
        self.standardize = Standardize(normalization, bands=input_shape[-1], band_axis=-1)
        self.lstm = nn.LSTM(
            input_shape[-1],
            config.hidden,
            config.layers,
            batch_first=True,
            bidirectional=True,
            dropout=config.dropout if config.layers > 1 else 0.0,
        )
        self.head = nn.Sequential(nn.Dropout(config.dropout), nn.Linear(2 * config.hidden, emotions))

    def forward(self, mfcc: torch.Tensor) -> torch.Tensor:
        states, _ = self.lstm(self.standardize(mfcc))
        return self.head(states[:, -1])
