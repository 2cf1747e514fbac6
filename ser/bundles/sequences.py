"""Padded sequences: which steps belong to a clip, and where its sound begins and ends."""

import torch
from torch import nn


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
    levels = levels.masked_fill(~mask_of(lengths, levels.shape[1]), -1.0)
    first, left = span_of(levels >= levels.amax(dim=1, keepdim=True) * 10 ** (-trim_db / 10))
    return cut(steps, first, left), left, first


def span_of(chosen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the first of the chosen steps, (clip,), and how many it is to the last. chosen: (clip, steps) bool."""
    step = torch.arange(chosen.shape[1], device=chosen.device)
    first = torch.where(chosen, step, chosen.shape[1]).amin(dim=1)
    return first, torch.where(chosen, step, -1).amax(dim=1) + 1 - first


def cut(steps: torch.Tensor, first: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
    """Return so many steps of (clip, steps, values) from the first on, (clip,) each, zero after a clip's end."""
    kept = torch.arange(count.max(), device=steps.device)
    inside = kept < count[:, None]
    # Rows of all clips, one below the other: ONNX copies them whole, where `gather` would ask for each number
    begins = torch.arange(steps.shape[0], device=steps.device)[:, None] * steps.shape[1]
    rows = begins + torch.where(inside, first[:, None] + kept, 0)
    return nn.functional.embedding(rows, steps.reshape(-1, int(steps.shape[2]))) * inside[..., None]
