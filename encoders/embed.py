"""Embed a copy of all clips, layer by layer: data/raw, encoders/weights → encoders/embeddings/<copy>.pt."""

from collections.abc import Iterator
from pathlib import Path

import torch

from encoders.encoder import load_encoder
from encoders.extraction import write_copy

EMBEDDINGS = Path("encoders/embeddings")


def pool(states: torch.Tensor) -> torch.Tensor:
    """Return mean and standard deviation over time, (layers, 2, width), of hidden states (layers, frames, width)."""
    return torch.stack([states.mean(dim=1), states.std(dim=1, correction=0)], dim=1)


def embeddings_of(clips: Iterator[torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the embeddings (clip, layers, 2, width) of the hidden states of each clip."""
    return {"embeddings": torch.stack([pool(states) for states in clips])}


if __name__ == "__main__":
    write_copy("embed", __doc__, EMBEDDINGS, load_encoder, embeddings_of)
