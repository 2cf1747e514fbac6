"""Attentive statistics pooling over a clip's frames."""

import torch
from torch import nn

from ser.arithmetic.square_root import square_root


class AttentivePooling(nn.Module):
    """(clip, frames, channels) → (clip, 2 · channels): each head weighs the frames for its share of the channels.

    The weights are a linear function of a frame or, with `hidden` units, that of a layer with tanh before it.
    Weighted mean and standard deviation (attentive statistics pooling, Okabe et al. 2018).
    """

    def __init__(self, channels: int, heads: int, hidden: int = 0) -> None:
        super().__init__()
        scores = nn.Linear(hidden or channels, heads)
        self.scores = nn.Sequential(nn.Linear(channels, hidden), nn.Tanh(), scores) if hidden else scores

    def forward(self, sequence: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        scores = self.scores(sequence).masked_fill(~mask[..., None], -torch.inf)
        weights = scores.softmax(dim=1)[..., None]
        heads = sequence.unflatten(2, (weights.shape[2], -1))
        mean = (weights * heads).sum(dim=1)
        variance = (weights * (heads - mean[:, None]).square()).sum(dim=1)
        return torch.cat([mean.flatten(1), square_root(variance.clamp_min(1e-6)).flatten(1)], dim=1)
