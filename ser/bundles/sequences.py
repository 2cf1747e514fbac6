"""Padded sequences: which steps belong to a clip, and where its sound begins and ends."""

import torch


def mask_of(lengths: torch.Tensor, steps: torch.Tensor | int) -> torch.Tensor:
    """Return (clip, steps) bool: True on the clip, whose number of steps is in lengths (clip,)."""
    return torch.arange(steps, device=lengths.device) < lengths[:, None]


def cut_to_sound(
    steps: torch.Tensor, levels: torch.Tensor, lengths: torch.Tensor, trim_db: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Cut steps (clip, steps, values) to those from the first to the last within `trim_db` of the loudest one.

    levels: (clip, steps) power of each; lengths: (clip,) steps of each clip.
    Return the steps that are left, zero after a clip's end, how many they are (clip,), and the first one (clip,).
    """
    step = torch.arange(steps.shape[1], device=steps.device)
    levels = levels.masked_fill(step >= lengths[:, None], -1.0)
    loud = levels >= levels.amax(dim=1, keepdim=True) * 10 ** (-trim_db / 10)
    first = torch.where(loud, step, steps.shape[1]).amin(dim=1)
    left = torch.where(loud, step, -1).amax(dim=1) + 1 - first
    kept = torch.arange(left.max(), device=steps.device)
    inside = kept < left[:, None]
    rows = torch.where(inside, first[:, None] + kept, 0)[..., None].expand(-1, -1, steps.shape[2])
    return steps.gather(1, rows) * inside[..., None], left, first
