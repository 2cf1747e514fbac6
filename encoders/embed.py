"""Embed a copy of all clips, layer by layer: data/raw, encoders/weights → encoders/embeddings/<copy>.pt."""

from pathlib import Path

import torch

from encoders.extraction import copy_from_arguments, each_clip
from stages.ser.errors import reporting
from stages.ser.files import read_table
from stages.ser.tensors import save_tensors

PARAMS = Path("encoders/params.yaml")
RAW = Path("data/raw")
CLIPS = Path("data/clips.csv")
WEIGHTS = Path("encoders/weights")
EMBEDDINGS = Path("encoders/embeddings")


def pool(states: torch.Tensor) -> torch.Tensor:
    """Return mean and standard deviation over time, (layers, 2, width), of hidden states (layers, frames, width)."""
    return torch.stack([states.mean(dim=1), states.std(dim=1, correction=0)], dim=1)


def main() -> None:
    copy = copy_from_arguments(__doc__)
    with reporting("embed"):
        clips = read_table(CLIPS, ("clip", "path"))
        states = each_clip([RAW / path for path in clips["path"]], WEIGHTS, PARAMS, copy)
        embeddings = torch.stack([pool(clip) for clip in states])
        content = {"clips": clips["clip"].tolist(), "embeddings": embeddings}
        save_tensors(content, EMBEDDINGS / f"{copy}.pt")


if __name__ == "__main__":
    main()
