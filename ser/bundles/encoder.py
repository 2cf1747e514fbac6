"""Whisper's encoder with a linear head, for prediction alone: waveforms → calibrated log-probabilities.

It needs nothing but torch; ser.bundles.build_encoder fills it.
"""

from typing import Any

import torch
from torch import nn

from ser.bundles.sequences import cut_to_sound, mask_of
from ser.bundles.spectrum import framed
from ser.bundles.whisper import WhisperStates

LEVEL_SAMPLES = 160  # 10 ms, the stretches that silence is cut off by
LEAST_SAMPLES = 400  # 25 ms; a shorter clip counts as if silence followed


class PortableEncoder(nn.Module):
    """(clip, samples) float32 waveforms and their lengths (clip,) → log-probabilities (clip, emotions) and embedding.

    The head hears copies of a clip, one at each speed; its log-probabilities are averaged over them. The embedding is
    one layer's mean over time, (clip, width), of the copy at the clip's own speed. What stands after a clip's end does
    not matter.

    Args:
        ratios: of each copy beside the clip itself, samples that are made of so many samples.
        taps: of each copy, the samples that its filters reach over.
        whisper: arguments of WhisperStates.
    """

    def __init__(
        self,
        trim_db: float,
        ratios: list[list[int]],
        taps: list[int],
        whisper: dict[str, Any],
        embedding_layer: int,
        emotions: int,
        temperature: float,
    ) -> None:
        super().__init__()
        self.trim_db, self.embedding_layer, self.temperature = trim_db, embedding_layer, temperature
        self.speeds = nn.ModuleList(Speed(*ratio, size) for ratio, size in zip(ratios, taps, strict=True))
        self.encoder = WhisperStates(**whisper)
        features = 2 * (whisper["layers"] + 1) * whisper["width"]
        self.register_buffer("mean", torch.zeros(features))
        self.head = nn.Linear(features, emotions)

    def forward(self, waveform: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        sound, lengths = self.trim(waveform, lengths)
        copies = [(sound, lengths), *(speed(sound, lengths) for speed in self.speeds)]
        pooled = [pool(*self.encoder(*at_least(*copy))) for copy in copies]
        logs = [self.head(features.flatten(1) - self.mean).log_softmax(dim=1) for features in pooled]
        mean = torch.stack(logs).mean(dim=0)
        return (mean / self.temperature).log_softmax(dim=1), pooled[0][:, self.embedding_layer, 0]

    def trim(self, waveform: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Cut silence off at both ends: return (clip, samples), zero after a clip's end, and lengths (clip,)."""
        waveform = nn.functional.pad(waveform * mask_of(lengths, waveform.shape[1]), (0, LEVEL_SAMPLES))
        whole = waveform[:, : waveform.shape[1] // LEVEL_SAMPLES * LEVEL_SAMPLES]
        stretches = whole.reshape(whole.shape[0], -1, LEVEL_SAMPLES)
        counts = ((lengths + LEVEL_SAMPLES - 1) // LEVEL_SAMPLES).clamp_min(1)
        levels = stretches.double().square().sum(dim=2)
        sound, left, first = cut_to_sound(stretches, levels, counts, self.trim_db)
        return sound.flatten(1), torch.minimum(left * LEVEL_SAMPLES, lengths - first * LEVEL_SAMPLES)


class Speed(nn.Module):
    """Resample (clip, samples) to `numerator` samples for each `denominator`, by torchaudio's filters."""

    def __init__(self, numerator: int, denominator: int, taps: int) -> None:
        super().__init__()
        self.numerator, self.denominator, self.taps = numerator, denominator, taps
        self.register_buffer("filters", torch.zeros(taps, numerator))

    def forward(self, waveform: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        lead = (self.taps - self.denominator) // 2
        padded = nn.functional.pad(waveform, (lead, lead + self.denominator))
        changed = torch.matmul(framed(padded, self.taps, self.denominator), self.filters).flatten(1)
        lengths = (lengths * self.numerator + self.denominator - 1) // self.denominator
        return changed * mask_of(lengths, changed.shape[1]), lengths


def at_least(waveform: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Lengthen clips that are too short for the encoder."""
    return nn.functional.pad(waveform, (0, LEAST_SAMPLES)), lengths.clamp_min(LEAST_SAMPLES)


def pool(states: list[torch.Tensor], lengths: torch.Tensor) -> torch.Tensor:
    """Return mean and standard deviation over time, (clip, layers, 2, width), of states that are zero after the end."""
    mask, count = mask_of(lengths, states[0].shape[1])[..., None], lengths[:, None]
    pooled = []
    for state in states:
        mean = state.sum(dim=1) / count
        deviation = ((state - mean[:, None]).square() * mask).sum(dim=1) / count
        pooled.append(torch.stack([mean, deviation.sqrt()], dim=1))
    return torch.stack(pooled, dim=1)
