"""What an encoder makes of all clips, at one speed."""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from encoders.encoder import Encode
from encoders.waveforms import SAMPLE_RATE_HZ, WaveformSettings, change_speed, trim_silence
from stages.ser.audio import load_mono
from stages.ser.chunks import each_chunk
from stages.ser.errors import reporting
from stages.ser.files import read_table
from stages.ser.params import build, read_params
from stages.ser.tensors import save_tensors

PARAMS = Path("encoders/params.yaml")
RAW = Path("data/raw")
CLIPS = Path("data/clips.csv")
WEIGHTS = Path("encoders/weights")
CHUNK = 4  # clips that a thread takes at a time


def write_copy(
    stage: str,
    description: str | None,
    folder: Path,
    load: Callable[[Path], Encode],
    content_of: Callable[[Iterator[torch.Tensor]], dict[str, Any]],
) -> None:
    """Write the clips' names and what `content_of` keeps of them to <folder>/<copy>.pt.

    The command line names the copy; `load` makes of the folder of weights what each waveform is put through.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("copy", help="a key of `speeds` in encoders/params.yaml")
    copy = parser.parse_args().copy
    with reporting(stage):
        clips = read_table(CLIPS, ("clip", "path"))
        results = each_clip([RAW / path for path in clips["path"]], load(WEIGHTS), PARAMS, copy)
        save_tensors({"clips": clips["clip"].tolist()} | content_of(results), folder / f"{copy}.pt")


def join_clips(clips: list[torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return clips (frames, …) of different lengths one behind the other, and their lengths."""
    return {"frames": torch.cat(clips), "lengths": torch.tensor([len(clip) for clip in clips])}


def read_settings(params: Path, copy: str) -> tuple[float, list[int]]:
    """Return by how many dB silence lies below the loudest stretch, and the speed of a copy."""
    waveform, speeds = read_params(params, "waveform", "speeds")
    if copy not in speeds:
        raise ValueError(f"{params}: speeds has no {copy!r}; it has {sorted(speeds)}")
    return build(WaveformSettings, waveform, "waveform", str(params)).trim_db, speeds[copy]


def each_clip(paths: list[Path], encode: Encode, params: Path, copy: str) -> Iterator[torch.Tensor]:
    """Yield what `encode` makes of each clip's waveform, (time,) float32 at 16 kHz, at the speed of a copy.

    ValueError names a clip that cannot be encoded, or a copy that has no speed.
    """
    trim_db, ratio = read_settings(params, copy)

    def states(path: Path) -> torch.Tensor:
        waveform = change_speed(trim_silence(load_mono(path, SAMPLE_RATE_HZ), trim_db), ratio)
        try:
            return encode(waveform)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    for chunk in each_chunk(lambda chunk: [states(path) for path in chunk], paths, CHUNK):
        yield from chunk
