"""Embed a copy of all clips, layer by layer: data/raw, weights/<encoder> → embeddings/<encoder>/<copy>.pt."""

from collections.abc import Iterator
from pathlib import Path

import torch

from ser.encoders.extraction import pool
from ser.encoders.kinds import load_any
from studies.encoders.copies import write_copy

EMBEDDINGS = Path("studies/encoders/embeddings")


def embeddings_of(clips: Iterator[torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the embeddings (clip, layers, 2, width) of the hidden states of each clip."""
    return {"embeddings": torch.stack([pool(states) for states in clips])}


if __name__ == "__main__":
    write_copy("embed", __doc__, EMBEDDINGS, load_any, embeddings_of)
