"""Keep all frames of a copy of all clips in float16: data/raw, encoders/weights → encoders/frames/<copy>.pt."""

from collections.abc import Iterator
from pathlib import Path

import torch

from encoders.encoder import load_encoder
from encoders.extraction import join_clips, write_copy

FRAMES = Path("encoders/frames")


def halve(states: torch.Tensor) -> torch.Tensor:
    """Return hidden states (layers, frames, width) as (frames, layers, width) float16; ValueError if they overflow."""
    halves = states.transpose(0, 1).half()
    if not halves.isfinite().all():
        raise ValueError(f"hidden states reach {states.abs().max():.0f}, more than float16 holds (65504)")
    return halves


def frames_of(clips: Iterator[torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the hidden states of all clips, those of each clip halved."""
    return join_clips([halve(states) for states in clips])


if __name__ == "__main__":
    write_copy("frames", __doc__, FRAMES, load_encoder, frames_of)
