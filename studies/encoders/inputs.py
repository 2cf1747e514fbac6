"""Keep what an encoder hears of a copy of all clips: data/raw, weights/<encoder> → inputs/<encoder>/<copy>.pt."""

from collections.abc import Iterator
from pathlib import Path

import torch

from ser.encoders.extraction import join_clips
from ser.encoders.tunable import load_hearing
from studies.encoders.copies import write_copy

INPUTS = Path("studies/encoders/inputs")


def inputs_of(clips: Iterator[torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the inputs (frames, bands) of all clips."""
    return join_clips(list(clips))


if __name__ == "__main__":
    write_copy("inputs", __doc__, INPUTS, load_hearing, inputs_of)
