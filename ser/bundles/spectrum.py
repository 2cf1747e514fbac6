"""Waveforms → power in mel bands, in operators that every runtime of ONNX has."""

import math

import torch
from torch import nn


class MelBands(nn.Module):
    """(clip, samples) padded waveforms → (clip, frames, bands) power; frame t begins at sample t · hop.

    A Fourier transform of a · b points is b transforms of a points, a twist, and a transforms of b points (Cooley and
    Tukey 1965). So two small matrix products take the place of one with n_fft · n_fft entries: of 1024 points a tenth
    of the work, and 30 kB of numbers in the file instead of 4 MB.
    """

    def __init__(self, n_fft: int, hop_samples: int, bands: int) -> None:
        super().__init__()
        self.n_fft, self.hop_samples = n_fft, hop_samples
        self.rows = next(rows for rows in range(math.isqrt(n_fft), 0, -1) if n_fft % rows == 0)
        self.columns = n_fft // self.rows
        self.kept = self.rows // 2 + 1  # frequencies of the first transform; the others mirror them
        self.register_buffer("window", torch.zeros(self.rows, self.columns))
        self.register_buffer("first", torch.zeros(2 * self.kept, self.rows))
        self.register_buffer("twist", torch.zeros(2, self.kept, self.columns))
        self.register_buffer("second", torch.zeros(2 * self.columns, 2 * self.columns))
        self.register_buffer("filters", torch.zeros(self.kept * self.columns, bands))

    def fill(self, window: torch.Tensor, filters: torch.Tensor) -> None:
        """Compute the constants from a window (n_fft,) and mel filters (n_fft / 2 + 1, bands)."""
        row, column = torch.arange(self.rows).double(), torch.arange(self.columns).double()
        kept = row[: self.kept]
        self.window.copy_(window.view(self.rows, self.columns))
        self.first.copy_(torch.cat(_turns(kept[:, None] * row / self.rows)))
        self.twist.copy_(torch.stack(_turns(kept[:, None] * column / self.n_fft)))
        real, imaginary = _turns(column[:, None] * column / self.columns)
        self.second.copy_(torch.cat([torch.cat([real, imaginary], 1), torch.cat([-imaginary, real], 1)]))
        frequency = (kept[:, None] + self.rows * column).flatten().long()
        frequency = torch.minimum(frequency, self.n_fft - frequency)  # the upper half mirrors the lower one
        seen = (frequency[:, None] == frequency).int().tril(-1).any(dim=1)
        self.filters.copy_(torch.where(seen[:, None], 0, filters[frequency]))

    def forward(self, padded: torch.Tensor) -> torch.Tensor:
        return self.transform(framed(padded, self.n_fft, self.hop_samples))

    def transform(self, frames: torch.Tensor) -> torch.Tensor:
        """Return the power (clip, frames, bands) of frames (clip, frames, n_fft)."""
        frames = frames.reshape(frames.shape[0], -1, self.rows, self.columns) * self.window
        real, imaginary = torch.matmul(self.first, frames).split(self.kept, dim=2)
        turned = torch.cat(
            [real * self.twist[0] - imaginary * self.twist[1], real * self.twist[1] + imaginary * self.twist[0]], dim=3
        )
        real, imaginary = torch.matmul(turned, self.second).split(self.columns, dim=3)
        power = real * real + imaginary * imaginary
        return torch.matmul(power.reshape(power.shape[0], -1, self.kept * self.columns), self.filters)


def framed(padded: torch.Tensor, size: int, hop: int) -> torch.Tensor:
    """Cut (clip, samples) into overlapping frames (clip, frames, size), a hop apart, as many as fit."""
    return frames_of(blocks_of(padded, size, hop), size, hop)


def blocks_of(padded: torch.Tensor, size: int, hop: int) -> torch.Tensor:
    """Cut (clip, samples) into (clip, blocks, hop): as many as frames of `size` samples reach over that fit."""
    blocks = nn.functional.pad(padded, (0, -(-size // hop) * hop - size))
    return blocks[:, : blocks.shape[1] // hop * hop].reshape(blocks.shape[0], -1, hop)


def frames_of(blocks: torch.Tensor, size: int, hop: int) -> torch.Tensor:
    """Return the frames (clip, frames, size) that begin with each of (clip, blocks, hop), as many as fit."""
    parts = -(-size // hop)
    return torch.cat([slid(blocks, part, parts)[..., : size - part * hop] for part in range(parts)], dim=2)


def slid(steps: torch.Tensor, part: int, parts: int) -> torch.Tensor:
    """Return the steps (clip, steps, …) from `part` on, as many as each of so many parts has."""
    return steps[:, part : part - parts + 1 or None]


def _turns(turns: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Real and imaginary part of exp(-2πi · turns)."""
    angle = 2 * math.pi * (turns % 1)
    return angle.cos(), -angle.sin()
