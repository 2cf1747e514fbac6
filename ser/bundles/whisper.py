"""Whisper's encoder on padded waveforms, with its log-mel: the hidden states of every layer.

It needs nothing but torch. Layers have the names that Whisper's weights have on the Hugging Face hub.
"""

import torch
from torch import nn

from ser.bundles.sequences import mask_of
from ser.bundles.spectrum import MelBands

N_FFT, HOP_SAMPLES = 400, 160
FLOOR, RANGE = 1e-10, 8.0  # of power; of its logarithm, below the clip's largest


class WhisperStates(nn.Module):
    """(clip, samples) at 16 kHz and their lengths (clip,), 201 or more → states (clip, frames, width), one a layer.

    A state is zero after a clip's end. A clip may have 320 samples for each row of the position table.
    """

    def __init__(self, bands: int, width: int, layers: int, heads: int, feed_forward: int, positions: int) -> None:
        super().__init__()
        self.mel = MelBands(N_FFT, HOP_SAMPLES, bands)
        self.conv1 = nn.Conv1d(bands, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.embed_positions = nn.Embedding(positions, width)
        self.layers = nn.ModuleList(Layer(width, heads, feed_forward) for _ in range(layers))
        self.layer_norm = nn.LayerNorm(width)

    def forward(self, waveform: torch.Tensor, lengths: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
        """Return the states, the last one normalised, and the frames of 20 ms of each clip, (clip,)."""
        log_mel, lengths = self.log_mel(waveform, lengths)
        hidden = nn.functional.gelu(self.conv1(log_mel.transpose(1, 2)))
        hidden = nn.functional.gelu(self.conv2(hidden * mask_of(lengths, hidden.shape[2])[:, None])).transpose(1, 2)
        lengths = (lengths + 1) // 2
        mask = mask_of(lengths, hidden.shape[1])
        states = [hidden + self.embed_positions.weight[: hidden.shape[1]]]
        unheard = torch.where(mask, 0.0, -torch.inf)[:, None, None]
        for layer in self.layers:
            states.append(layer(states[-1], unheard))
        states[-1] = self.layer_norm(states[-1])
        return [state * mask[..., None] for state in states], lengths

    def log_mel(self, waveform: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (clip, frames, bands), zero after a clip's end, and the frames of 10 ms of each clip, (clip,)."""
        frames = lengths // HOP_SAMPLES
        power = self.mel(reflected(waveform, lengths, (frames.max() - 1) * HOP_SAMPLES + N_FFT))
        mask = mask_of(frames, power.shape[1])[..., None]
        logarithm = power.clamp_min(FLOOR).log10()
        largest = logarithm.masked_fill(~mask, -torch.inf).amax(dim=(1, 2), keepdim=True)
        return (torch.maximum(logarithm, largest - RANGE) / 4 + 1) * mask, frames


class Layer(nn.Module):
    """A transformer layer, normalised before attention and before its two linear layers."""

    def __init__(self, width: int, heads: int, feed_forward: int) -> None:
        super().__init__()
        self.self_attn_layer_norm, self.self_attn = nn.LayerNorm(width), Attention(width, heads)
        self.final_layer_norm = nn.LayerNorm(width)
        self.fc1, self.fc2 = nn.Linear(width, feed_forward), nn.Linear(feed_forward, width)

    def forward(self, sequence: torch.Tensor, unheard: torch.Tensor) -> torch.Tensor:
        sequence = sequence + self.self_attn(self.self_attn_layer_norm(sequence), unheard)
        return sequence + self.fc2(nn.functional.gelu(self.fc1(self.final_layer_norm(sequence))))


class Attention(nn.Module):
    """Attention of frames to each other. unheard: (clip, 1, 1, frames), 0 in the clip, -inf after its end."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj, self.k_proj = nn.Linear(width, width), nn.Linear(width, width, bias=False)
        self.v_proj, self.out_proj = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, sequence: torch.Tensor, unheard: torch.Tensor) -> torch.Tensor:
        query, key, value = (
            layer(sequence).reshape(*sequence.shape[:2], self.heads, -1).transpose(1, 2)
            for layer in (self.q_proj, self.k_proj, self.v_proj)
        )
        scores = torch.matmul(query * query.shape[3] ** -0.5, key.transpose(2, 3)) + unheard
        return self.out_proj(torch.matmul(scores.softmax(dim=3), value).transpose(1, 2).flatten(2))


def reflected(waveform: torch.Tensor, lengths: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
    """Return so many samples from half a window before the beginning, each clip mirrored at both its ends."""
    last = lengths[:, None] - 1
    place = (torch.arange(samples, device=waveform.device) - N_FFT // 2).abs()
    place = torch.where(place > last, 2 * last - place, place)
    return waveform.gather(1, place.clamp_min(0))
