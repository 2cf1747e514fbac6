"""CNN-LSTM: convolution blocks, then a bidirectional LSTM over time whose final states are the embedding."""

import dataclasses

import torch
from torch import nn

from ser.networks.blocks import Standardize, check_fraction, check_poolings, check_sizes, conv_block
from ser.storage.params import check


@dataclasses.dataclass(frozen=True)
class CNNLSTMConfig:
    channels: tuple[int, ...]
    kernels: tuple[int, ...]
    dropout: float
    lstm_hidden: int
    lstm_layers: int
    lstm_dropout: float

    def __post_init__(self) -> None:
        check_sizes("channels", self.channels)
        check_sizes("kernels", self.kernels, odd=True)
        check(len(self.kernels) == len(self.channels), "kernels", self.kernels, f"one for each of {self.channels}")
        check_sizes("lstm_hidden", self.lstm_hidden)
        check_sizes("lstm_layers", self.lstm_layers)
        check_fraction("dropout", self.dropout)
        check_fraction("lstm_dropout", self.lstm_dropout)


class CNNLSTM(nn.Module):
    """(clip, 1, bands, frames) float32 → logits (clip, emotions); `embed` gives what LightGBM learns from."""

    def __init__(self, config: CNNLSTMConfig, input_shape: tuple[int, ...], emotions: int, normalization: str) -> None:
        super().__init__()
        channels, bands, frames = input_shape
        check_poolings(config.channels, bands, frames)
        self.standardize = Standardize(normalization, bands=bands, band_axis=-2)
        widths = (channels, *config.channels)
        self.convolutions = nn.Sequential(
            *(
                conv_block(before, after, kernel, config.dropout)
                for before, after, kernel in zip(widths[:-1], widths[1:], config.kernels, strict=True)
            )
        )
        self.lstm = nn.LSTM(
            config.channels[-1] * (bands >> len(config.channels)),
            config.lstm_hidden,
            config.lstm_layers,
            batch_first=True,
            bidirectional=True,
            dropout=config.lstm_dropout if config.lstm_layers > 1 else 0.0,
        )
        self.head = nn.Linear(2 * config.lstm_layers * config.lstm_hidden, emotions)

    def embed(self, mel: torch.Tensor) -> torch.Tensor:
        """Return (clip, 2 · layers · hidden): the final hidden states of all layers and both directions."""
        maps = self.convolutions(self.standardize(mel))
        # (clip, channels, height, width) → (clip, width, channels · height): width is time
        sequence = maps.permute(0, 3, 1, 2).flatten(2)
        _, (hidden, _) = self.lstm(sequence)
        return hidden.transpose(0, 1).flatten(1)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        return self.head(self.embed(mel))
