"""Keep all frames of a copy of all clips in float16: data/raw, encoders/weights → encoders/frames/<copy>.pt."""

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
FRAMES = Path("encoders/frames")


def halve(states: torch.Tensor) -> torch.Tensor:
    """Return hidden states (layers, frames, width) as (frames, layers, width) float16; ValueError if they overflow."""
    halves = states.transpose(0, 1).half()
    if not halves.isfinite().all():
        raise ValueError(f"hidden states reach {states.abs().max():.0f}, more than float16 holds (65504)")
    return halves


def main() -> None:
    copy = copy_from_arguments(__doc__)
    with reporting("frames"):
        clips = read_table(CLIPS, ("clip", "path"))
        states = each_clip([RAW / path for path in clips["path"]], WEIGHTS, PARAMS, copy)
        frames = [halve(clip) for clip in states]
        lengths = torch.tensor([len(clip) for clip in frames])
        content = {"clips": clips["clip"].tolist(), "frames": torch.cat(frames), "lengths": lengths}
        save_tensors(content, FRAMES / f"{copy}.pt")


if __name__ == "__main__":
    main()
