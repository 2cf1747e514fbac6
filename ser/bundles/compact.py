"""CompactNet for prediction alone: waveforms → calibrated log-probabilities. It needs nothing but torch.

Batch norms are folded into the layers beside them. ser.bundles.build_compact fills it.
"""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from ser.bundles.sequences import cut, cut_to_sound, mask_of, span_of
from ser.bundles.spectrum import MelBands, blocks_of, frames_of, slid

FLOOR = 1e-10  # power, -100 dB


class PortableCompact(nn.Module):
    """(clip, samples) float32 waveforms and their lengths (clip,) → log-probabilities (clip, emotions) and embedding.

    What stands after a clip's end does not matter.
    """

    def __init__(
        self,
        n_fft: int,
        hop_samples: int,
        bands: int,
        trim_db: float,
        top_db: float,
        front: list[int],
        width: int,
        kernel: int,
        dilations: list[int],
        lstm_hidden: int,
        heads: int,
        emotions: int,
    ) -> None:
        super().__init__()
        self.n_fft, self.hop_samples, self.trim_db, self.top_db = n_fft, hop_samples, trim_db, top_db
        self.mel = MelBands(n_fft, hop_samples, bands)
        for name, size in (("mean", bands), ("sd", bands), ("level_mean", 1), ("level_sd", 1)):
            self.register_buffer(name, torch.ones(size))
        self.front = nn.ModuleList(
            nn.Conv2d(before, after, 3, stride=(1, 2), padding=1)
            for before, after in zip([1, *front], front, strict=False)
        )
        for _ in front:
            bands = (bands + 1) // 2
        self.project = nn.Linear(front[-1] * bands, width)
        self.blocks = nn.ModuleList(Block(width, kernel, dilation) for dilation in dilations)
        self.norm = ScaleShift(width)
        self.recurrent = BiLSTM(width, lstm_hidden) if lstm_hidden else None
        channels = 2 * lstm_hidden or width
        self.pool = Pooling(channels, heads)
        self.hidden, self.output = nn.Linear(2 * channels + 1, channels), nn.Linear(channels, emotions)

    def forward(self, waveform: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        embedding = self.embed(*self.log_mel(waveform, lengths))
        logits = self.output(nn.functional.gelu(self.hidden(embedding)))
        return logits.log_softmax(dim=1), embedding

    def log_mel(self, waveform: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the frames with sound, (clip, frames, bands) in dB, and how many (clip,)."""
        waveform = waveform * mask_of(lengths, waveform.shape[1])
        padded = nn.functional.pad(waveform, (self.n_fft // 2, self.n_fft // 2))
        blocks, frames = self.cut_roughly(blocks_of(padded, self.n_fft, self.hop_samples), lengths)
        power = self.mel.transform(frames_of(blocks, self.n_fft, self.hop_samples))
        power, frames, _ = cut_to_sound(power, power.sum(dim=2), frames, self.trim_db)
        decibels = 10 * power.clamp_min(FLOOR).log10()
        return torch.maximum(decibels, decibels.amax(dim=(1, 2), keepdim=True) - self.top_db), frames

    def cut_roughly(self, blocks: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Cut off what must be silence at both ends of (clip, blocks, hop), before its spectrum is computed.

        A frame's power is at most n_fft times the energy of its samples (Parseval's theorem; the window and the sum of
        the filters are at most 1). So frames whose energy is low, compared with the power of the frame with the
        highest, are none that `cut_to_sound` keeps. Return the other blocks and how many frames they hold, (clip,).
        """
        parts = -(-self.n_fft // self.hop_samples)
        energy = blocks.square().sum(dim=2)
        most = self.n_fft * sum(slid(energy, part, parts) for part in range(parts))
        most = most.masked_fill(~mask_of(lengths // self.hop_samples + 1, most.shape[1]), -1.0)
        loudest = cut(blocks, most.argmax(dim=1), torch.full_like(lengths, parts)).flatten(1)[:, None, : self.n_fft]
        least = self.mel.transform(loudest).sum(dim=(1, 2)) * 10 ** (-self.trim_db / 10)
        first, left = span_of(most >= least[:, None])
        return cut(blocks, first, left + parts - 1), left

    def embed(self, frames: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return (clip, 2 · channels + 1): attentive mean and standard deviation, and the level."""
        mask = mask_of(lengths, frames.shape[1])[..., None].float()
        level = (frames * mask).sum(dim=(1, 2)) / (lengths * frames.shape[2])
        maps = ((frames - level[:, None, None] - self.mean) / self.sd)[:, None]
        for layer in self.front:  # each sees zeros beyond a clip's end
            maps = layer(maps * mask[:, None]).relu()
        sequence = self.project(maps.permute(0, 2, 3, 1).reshape(maps.shape[0], -1, self.project.in_features))
        for block in self.blocks:
            sequence = block(sequence, mask)
        sequence, lengths = pool_pairs(self.norm(sequence) * mask, lengths)
        if self.recurrent is not None:
            sequence = self.recurrent(sequence, lengths)
        pooled = self.pool(sequence, mask_of(lengths, sequence.shape[1]))
        return torch.cat([pooled, (level[:, None] - self.level_mean) / self.level_sd], dim=1)


class ScaleShift(nn.Module):
    """A batch norm whose statistics are settled."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, sequence: torch.Tensor) -> torch.Tensor:
        return sequence * self.scale + self.shift


class Block(nn.Module):
    """The residual block of dilated convolutions, on (clip, frames, width) and a mask (clip, frames, 1)."""

    def __init__(self, width: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.kernel, self.dilation = kernel, dilation
        self.before = ScaleShift(width)
        self.dilated, self.mix = nn.Linear(kernel * width, width), nn.Linear(width, width)

    def forward(self, sequence: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        reach = self.kernel // 2 * self.dilation
        padded = nn.functional.pad(self.before(sequence).relu() * mask, (0, 0, reach, reach))
        shifted = [slid(padded, start, 2 * reach + 1) for start in range(0, 2 * reach + 1, self.dilation)]
        return sequence + self.mix(self.dilated(torch.cat(shifted, dim=2)).relu())


def pool_pairs(sequence: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Max-pool pairs of frames of (clip, frames, channels); frames after a clip's end count as zero."""
    padded = nn.functional.pad(sequence, (0, 0, 0, 1))
    return torch.maximum(padded[:, :-1:2], padded[:, 1::2]), (lengths + 1) // 2


class BiLSTM(nn.Module):
    """(clip, frames, channels), lengths (clip,) → (clip, frames, 2 · hidden), backwards from each clip's own end."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.both = nn.LSTM(channels, hidden, batch_first=True, bidirectional=True)

    def forward(self, sequence: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        packed = pack_padded_sequence(sequence, lengths.cpu(), batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(self.both(packed)[0], batch_first=True)[0]


class Pooling(nn.Module):
    """Attentive statistics pooling: (clip, frames, channels) → (clip, 2 · channels)."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.hidden, self.scores = nn.Linear(channels, channels), nn.Linear(channels, heads)

    def forward(self, sequence: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        scores = self.scores(self.hidden(sequence).tanh()).masked_fill(~mask[..., None], -torch.inf)
        weights = scores.softmax(dim=1)[..., None]
        heads = sequence.reshape(*sequence.shape[:2], self.heads, -1)
        mean = (weights * heads).sum(dim=1, keepdim=True)
        variance = (weights * (heads - mean).square()).sum(dim=1)
        return torch.cat([mean.flatten(1), variance.clamp_min(1e-6).sqrt().flatten(1)], dim=1)
