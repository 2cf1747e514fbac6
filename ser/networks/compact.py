"""CompactNet: 2-D front end, dilated convolutions, a bidirectional LSTM and attentive pooling over a clip's frames."""

import dataclasses

import torch
from torch import nn

from ser.data.masks import mask_of
from ser.networks.blocks import check_fraction, check_sizes
from ser.networks.pooling import AttentivePooling
from ser.storage.params import check


@dataclasses.dataclass(frozen=True)
class CompactConfig:
    front: tuple[int, ...]
    width: int
    kernel: int
    dilations: tuple[int, ...]
    dropout: float
    lstm_hidden: int
    heads: int
    head_dropout: float

    def __post_init__(self) -> None:
        check_sizes("front", self.front)
        check_sizes("width", (self.width,))
        check_sizes("kernel", (self.kernel,), odd=True)
        check_sizes("dilations", self.dilations)
        check(self.lstm_hidden >= 0, "lstm_hidden", self.lstm_hidden, "0 (none) or more")
        channels = 2 * self.lstm_hidden or self.width
        check(self.heads >= 1 and channels % self.heads == 0, "heads", self.heads, f"a divisor of {channels}")
        check_fraction("dropout", self.dropout)
        check_fraction("head_dropout", self.head_dropout)


class CompactNet(nn.Module):
    """(clip, frames, bands) float32 in dB at the clip's own level, lengths (clip,) → logits (clip, emotions).

    Frames after a clip's end do not matter: more padding does not change the logits.
    """

    def __init__(self, config: CompactConfig, bands: int, emotions: int) -> None:
        super().__init__()
        self.standardize = LevelAndShape(bands)
        widths = (1, *config.front)
        self.front = nn.ModuleList(
            nn.Conv2d(before, after, 3, stride=(1, 2), padding=1, bias=False)
            for before, after in zip(widths, config.front, strict=False)
        ).to(memory_format=torch.channels_last)
        self.front_norms = nn.ModuleList(MaskedBatchNorm(channels) for channels in config.front)
        for _ in config.front:
            bands = (bands + 1) // 2
        self.project = nn.Linear(config.front[-1] * bands, config.width)
        self.blocks = nn.ModuleList(
            DilatedBlock(config.width, config.kernel, dilation, config.dropout) for dilation in config.dilations
        )
        self.norm = MaskedBatchNorm(config.width)
        self.recurrent = MaskedBiLSTM(config.width, config.lstm_hidden) if config.lstm_hidden else None
        channels = 2 * config.lstm_hidden or config.width
        self.pool = AttentivePooling(channels, config.heads, hidden=channels)
        self.head = nn.Sequential(
            nn.Dropout(config.head_dropout),
            nn.Linear(2 * channels + 1, channels),
            nn.BatchNorm1d(channels),
            nn.GELU(),
            nn.Linear(channels, emotions),
        )

    def embed(self, frames: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return (clip, 2 · channels + 1): attentive mean and standard deviation, and the level."""
        mask = mask_of(lengths, frames.shape[1])
        shape, level = self.standardize(frames, mask)
        maps = shape.unsqueeze(1).contiguous(memory_format=torch.channels_last)
        for layer, norm in zip(self.front, self.front_norms, strict=True):
            # (clip, channels, frames, bands) → (clip, frames, bands, channels) and back: a view of channels-last maps
            maps = norm(layer(maps).permute(0, 2, 3, 1), mask).relu().permute(0, 3, 1, 2)
        sequence = self.project(maps.permute(0, 2, 3, 1).flatten(2))
        for block in self.blocks:
            sequence = block(sequence, mask)
        sequence, lengths = pool_pairs(self.norm(sequence, mask), lengths)
        mask = mask_of(lengths, sequence.shape[1])
        if self.recurrent is not None:
            sequence = self.recurrent(sequence, lengths)
        return torch.cat([self.pool(sequence, mask), level], dim=1)

    def forward(self, frames: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        return self.head(self.embed(frames, lengths))


def pool_pairs(sequence: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Max-pool pairs of frames of (clip, frames, channels); frames after a clip's end count as zero."""
    padded = nn.functional.pad(sequence, (0, 0, 0, sequence.shape[1] % 2))
    return torch.maximum(padded[:, ::2], padded[:, 1::2]), (lengths + 1) // 2


class LevelAndShape(nn.Module):
    """Split a log-mel spectrogram into its level and its shape, each standardised by statistics of the training clips.

    The level is the mean over the clip in dB; the shape, what differs from it, is standardised for each band.
    """

    def __init__(self, bands: int) -> None:
        super().__init__()
        for name, size in (("mean", bands), ("sd", bands), ("level_mean", 1), ("level_sd", 1)):
            self.register_buffer(name, torch.zeros(size) if name.endswith("mean") else torch.ones(size))

    def fit(self, clips: list[torch.Tensor]) -> None:
        """Measure the statistics on training clips (frames, bands)."""
        levels = torch.stack([clip.mean() for clip in clips])
        shapes = torch.cat([clip - level for clip, level in zip(clips, levels, strict=True)])
        for name, values in (("", shapes), ("level_", levels[:, None])):
            sd, mean = torch.std_mean(values, dim=0)
            getattr(self, f"{name}mean").copy_(mean)
            getattr(self, f"{name}sd").copy_(sd.clamp_min(1e-5))

    def forward(self, frames: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """frames: (clip, frames, bands), mask: (clip, frames) → shape, zero outside the mask, and level (clip, 1)."""
        level = (frames * mask[..., None]).sum(dim=(1, 2)) / (mask.sum(dim=1) * frames.shape[2])
        shape = (frames - level[:, None, None] - self.mean) / self.sd
        return shape * mask[..., None], (level[:, None] - self.level_mean) / self.level_sd


class MaskedBatchNorm(nn.BatchNorm1d):
    """Batch norm of (clip, frames, …, channels) over the frames of the mask (clip, frames); zero outside it."""

    def forward(self, sequence: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        inside = mask.flatten().nonzero().flatten()
        frames = sequence.flatten(0, 1)
        rows = frames.index_select(0, inside)  # (rows, …, channels); torch's batch norm reads it as channels-last maps
        maps = rows.view(1, len(rows), -1, rows.shape[-1]).permute(0, 3, 1, 2)
        normed = nn.functional.batch_norm(
            maps, self.running_mean, self.running_var, self.weight, self.bias, self.training, self.momentum, self.eps
        )
        normed = normed.permute(0, 2, 3, 1).view(rows.shape)
        return torch.zeros_like(frames).index_copy(0, inside, normed).view(sequence.shape)


class DilatedBlock(nn.Module):
    """x + linear(dropout(ReLU(BN(dilated convolution(ReLU(BN x)))))) on (clip, frames, width) (He et al. 2016).

    The convolution is one matrix product over shifted copies; dropout leaves out a channel of a clip at a time.
    """

    def __init__(self, width: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.kernel, self.dilation = kernel, dilation
        self.before, self.after = MaskedBatchNorm(width), MaskedBatchNorm(width)
        self.dilated = nn.Linear(kernel * width, width, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.mix = nn.Linear(width, width)

    def forward(self, sequence: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """mask: (clip, frames), True on the clip; beyond it the convolution sees zeros."""
        frames, reach = sequence.shape[1], self.kernel // 2 * self.dilation
        padded = nn.functional.pad(self.before(sequence, mask).relu(), (0, 0, reach, reach))
        shifted = [padded[:, start : start + frames] for start in range(0, 2 * reach + 1, self.dilation)]
        hidden = self.after(self.dilated(torch.cat(shifted, dim=2)), mask).relu()
        kept = self.dropout(hidden.new_ones(len(hidden), 1, hidden.shape[2]))
        return sequence + self.mix(hidden * kept)


class MaskedBiLSTM(nn.Module):
    """(clip, frames, channels), lengths (clip,) → (clip, frames, 2 · hidden), backwards from each clip's own end.

    Two LSTMs over padded batches: a third of the time that a packed sequence takes on a CPU.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.ahead = nn.LSTM(channels, hidden, batch_first=True)
        self.back = nn.LSTM(channels, hidden, batch_first=True)

    def forward(self, sequence: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        frame = torch.arange(sequence.shape[1], device=sequence.device)
        reverse = torch.where(frame < lengths[:, None], lengths[:, None] - 1 - frame, frame)[..., None]
        flipped, _ = self.back(_reorder(sequence, reverse))
        return torch.cat([self.ahead(sequence)[0], _reorder(flipped, reverse)], dim=2)


def _reorder(sequence: torch.Tensor, frames: torch.Tensor) -> torch.Tensor:
    # take_along_dim would also wrap every index, in a pass as long as the gathering
    return sequence.gather(1, frames.expand_as(sequence))
