"""Which frames of a padded batch belong to a clip."""

import torch


def mask_of(lengths: torch.Tensor, frames: int) -> torch.Tensor:
    """Return (clip, frames) bool: True on the clip, whose number of frames is in lengths (clip,), False on padding."""
    return torch.arange(frames, device=lengths.device) < lengths[:, None]
