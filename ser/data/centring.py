"""A corpus's own mean, of unlabelled clips, and what it takes to move the clips onto another one."""

import numpy as np
import torch


def log_mel_mean(clips: list[torch.Tensor]) -> torch.Tensor:
    """Return (bands,) dB: the mean level of the clips, and in each band the mean over all frames of what differs.

    clips: (frames, bands) in dB. It is the mean that CompactNet's own standardisation measures on training clips.
    """
    levels = torch.stack([clip.mean() for clip in clips])
    shapes = torch.cat([clip - level for clip, level in zip(clips, levels, strict=True)])
    return shapes.mean(dim=0) + levels.mean()


def move_log_mel(clips: list[torch.Tensor], onto: torch.Tensor) -> list[torch.Tensor]:
    """Shift clips (frames, bands) by as many dB in each band as brings their `log_mel_mean` to `onto` (bands,)."""
    shift = onto - log_mel_mean(clips)
    return [clip + shift for clip in clips]


def move_embeddings(embeddings: np.ndarray, onto: np.ndarray) -> np.ndarray:
    """Shift embeddings (copy, clip, …) so that their mean over copies and clips is `onto` (…)."""
    mean = embeddings.mean(axis=(0, 1), dtype=np.float64)
    return (embeddings + (onto - mean)).astype(np.float32)
