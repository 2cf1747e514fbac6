"""CompactNet and Whisper's encoder together, for prediction alone: their log-probabilities summed by weights.

It needs nothing but torch; ser.bundles.build_fused fills it.
"""

from typing import Any

import torch
from torch import nn

from ser.bundles.compact import PortableCompact
from ser.bundles.encoder import PortableEncoder


class PortableFused(nn.Module):
    """(clip, samples) float32 waveforms and their lengths (clip,) → log-probabilities (clip, emotions) and embedding.

    The embedding is the encoder's.

    Args:
        compact: arguments of PortableCompact; encoder: of PortableEncoder; weights: of the two, in that order.
        floor: a log-probability below it counts as it, as when the weights were fitted.
    """

    def __init__(self, compact: dict[str, Any], encoder: dict[str, Any], weights: list[float], floor: float) -> None:
        super().__init__()
        self.compact, self.encoder = PortableCompact(**compact), PortableEncoder(**encoder)
        self.weights, self.floor = weights, floor

    def forward(self, waveform: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        compact, _ = self.compact(waveform, lengths)
        encoder, embedding = self.encoder(waveform, lengths)
        logs = [member.clamp_min(self.floor) for member in (compact, encoder)]
        return (self.weights[0] * logs[0] + self.weights[1] * logs[1]).log_softmax(dim=1), embedding
