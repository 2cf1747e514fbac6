"""Hidden states of all clips, at one speed."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import torch

from encoders.encoder import load_encoder
from encoders.waveforms import SAMPLE_RATE_HZ, WaveformSettings, change_speed, trim_silence
from stages.ser.audio import load_mono
from stages.ser.chunks import each_chunk
from stages.ser.params import build, read_params

CHUNK = 4  # clips that a thread takes at a time


def copy_from_arguments(description: str | None) -> str:
    """Return the copy of the clips that the command line names."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("copy", help="a key of `speeds` in encoders/params.yaml")
    return parser.parse_args().copy


def read_settings(params: Path, copy: str) -> tuple[float, list[int]]:
    """Return by how many dB silence lies below the loudest stretch, and the speed of a copy."""
    waveform, speeds = read_params(params, "waveform", "speeds")
    if copy not in speeds:
        raise ValueError(f"{params}: speeds has no {copy!r}; it has {sorted(speeds)}")
    return build(WaveformSettings, waveform, "waveform", str(params)).trim_db, speeds[copy]


def each_clip(paths: list[Path], weights: Path, params: Path, copy: str) -> Iterator[torch.Tensor]:
    """Yield each clip's hidden states, (layers, frames, width) float32, at the speed of a copy.

    ValueError names a clip that cannot be encoded, or a copy that has no speed.
    """
    trim_db, ratio = read_settings(params, copy)
    encode = load_encoder(weights)

    def states(path: Path) -> torch.Tensor:
        waveform = change_speed(trim_silence(load_mono(path, SAMPLE_RATE_HZ), trim_db), ratio)
        try:
            return encode(waveform)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    for chunk in each_chunk(lambda chunk: [states(path) for path in chunk], paths, CHUNK):
        yield from chunk
