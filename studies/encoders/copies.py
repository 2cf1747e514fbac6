"""Encode one copy of all clips: the command line, and the path of the output."""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from ser.corpora.clip_table import read_clips
from ser.encoders.extraction import Copy, Encode, each_clip
from ser.storage.errors import reporting
from ser.storage.params import build, read_params
from ser.storage.tensors import save_tensors

PARAMS = Path("studies/encoders/params.yaml")
WEIGHTS = Path("studies/encoders/weights")
RAW = Path("data/raw")
CLIPS = Path("data/clips.csv")


def write_copy(
    stage: str,
    description: str | None,
    folder: Path,
    load: Callable[[Path], Encode],
    content_of: Callable[[Iterator[torch.Tensor]], dict[str, Any]],
) -> None:
    """Write the clips' names and what `content_of` keeps of them to <folder>/<encoder>/<copy>.pt.

    The command line names encoder and copy; `load` makes a function of waveforms from the folder of weights.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("encoder", help=f"a key of `sources` in {PARAMS}")
    parser.add_argument("copy", help=f"a key of `speeds` in {PARAMS}")
    arguments = parser.parse_args()
    with reporting(stage):
        copy = read_copy(arguments.copy)
        clips = read_clips(CLIPS, "clip", "path")
        results = each_clip([RAW / path for path in clips["path"]], load(WEIGHTS / arguments.encoder), copy)
        path = folder / arguments.encoder / f"{arguments.copy}.pt"
        save_tensors({"clips": clips["clip"].tolist()} | content_of(results), path)


def read_copy(name: str) -> Copy:
    """Return how a copy is made; ValueError names one that has no speed."""
    waveform, speeds = read_params(PARAMS, "waveform", "speeds")
    if name not in speeds:
        raise ValueError(f"{PARAMS}: speeds has no {name!r}; it has {sorted(speeds)}")
    return build(Copy, waveform | {"ratio": speeds[name]}, "waveform", str(PARAMS))
