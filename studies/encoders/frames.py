"""Keep all frames of a copy of all clips in float16: data/raw, weights/<encoder> → frames/<encoder>/<copy>.pt."""

from collections.abc import Iterator
from pathlib import Path

import torch

from ser.encoders.extraction import join_clips, to_half_precision
from ser.encoders.loading import load_encoder
from studies.encoders.copies import write_copy

FRAMES = Path("studies/encoders/frames")


def frames_of(clips: Iterator[torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the hidden states of all clips, in half precision."""
    return join_clips([to_half_precision(states) for states in clips])


if __name__ == "__main__":
    write_copy("frames", __doc__, FRAMES, load_encoder, frames_of)
