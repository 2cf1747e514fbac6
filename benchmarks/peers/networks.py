"""The three networks as a notebook would write them: ReLU before pooling, nothing else rearranged."""

import torch
from torch import nn


def conv_block(channels_in: int, channels_out: int, kernel: int, dropout: float) -> list[nn.Module]:
    return [
        nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(dropout),
    ]


class CNN(nn.Module):
    """(clip, 1, 80, 301) → logits (clip, 8)."""

    def __init__(self, dropout: float = 0.3) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *conv_block(1, 32, 3, dropout),
            *conv_block(32, 64, 3, dropout),
            *conv_block(64, 128, 3, dropout),
            *conv_block(128, 256, 3, dropout),
            nn.Flatten(),
            nn.Linear(256 * 5 * 18, 512),
            nn.BatchNorm1d(512),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(512, 8),
        )

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        return self.layers(mel)


class LSTM(nn.Module):
    """(clip, 301, 80) → logits (clip, 8)."""

    def __init__(self, dropout: float = 0.4) -> None:
        super().__init__()
        self.lstm = nn.LSTM(80, 128, num_layers=2, batch_first=True, bidirectional=True, dropout=dropout)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(256, 8)

    def forward(self, mfcc: torch.Tensor) -> torch.Tensor:
        out, _ = self.lstm(mfcc)
        return self.fc(self.dropout(out[:, -1, :]))


class CNNLSTM(nn.Module):
    """(clip, 1, 80, 301) → logits (clip, 8); `embed` → (clip, 512)."""

    def __init__(self, dropout: float = 0.3, lstm_dropout: float = 0.4) -> None:
        super().__init__()
        self.cnn = nn.Sequential(
            *conv_block(1, 32, 5, dropout), *conv_block(32, 64, 3, dropout), *conv_block(64, 128, 3, dropout)
        )
        self.lstm = nn.LSTM(128 * 10, 128, num_layers=2, batch_first=True, bidirectional=True, dropout=lstm_dropout)
        self.fc = nn.Linear(512, 8)

    def embed(self, mel: torch.Tensor) -> torch.Tensor:
        x = self.cnn(mel)
        x = x.permute(0, 3, 1, 2).flatten(2)
        _, (hidden, _) = self.lstm(x)
        return hidden.transpose(0, 1).flatten(1)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        return self.fc(self.embed(mel))
