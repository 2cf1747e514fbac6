"""Keep what an encoder hears of a copy of all clips: data/raw, encoders/weights → encoders/inputs/<copy>.pt."""

from collections.abc import Iterator
from pathlib import Path

import torch

from encoders.extraction import join_clips, write_copy
from encoders.tunable import load_hearing

INPUTS = Path("encoders/inputs")


def inputs_of(clips: Iterator[torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the inputs (frames, bands) of all clips."""
    return join_clips(list(clips))


if __name__ == "__main__":
    write_copy("inputs", __doc__, INPUTS, load_hearing, inputs_of)
