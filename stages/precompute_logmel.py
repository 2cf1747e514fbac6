"""Compute each clip's log-mel at its own length and level: data/raw, data/clips.csv → data/features/logmel.pt."""

import contextlib
import dataclasses
from collections.abc import Generator
from pathlib import Path
from typing import Any

import torch

from ser.corpora.clip_table import read_clips
from ser.features.audio import load_mono
from ser.features.chunks import each_chunk
from ser.features.own_length_mel import OwnLengthMel
from ser.storage.errors import reporting
from ser.storage.params import build, read_params, read_value
from ser.storage.streams import save_stream

PARAMS = Path("params.yaml")
RAW = Path("data/raw")
CLIPS = Path("data/clips.csv")
LOGMEL = Path("data/features/logmel.pt")
CHUNK = 4  # clips transformed at once: few enough to stay in the processor's cache


def main() -> None:
    with reporting("precompute_logmel"):
        sample_rate_hz, logmel = read_value(PARAMS, "audio.sample_rate_hz", int), read_params(PARAMS, "logmel")
        front_end = build(OwnLengthMel, {"sample_rate_hz": sample_rate_hz, "logmel": logmel})
        clips = read_clips(CLIPS, "clip", "path")
        paths = [RAW / path for path in clips["path"]]
        lengths: list[int] = []

        def frames() -> Generator[torch.Tensor, None, None]:
            for chunk in each_chunk(
                lambda paths: front_end([load_mono(path, front_end.sample_rate_hz) for path in paths]), paths, CHUNK
            ):
                lengths.extend(len(clip) for clip in chunk)
                yield torch.cat(chunk)

        def rest() -> dict[str, Any]:
            front = dataclasses.asdict(front_end)
            return {"clips": clips["clip"].tolist(), "front_end": front, "lengths": torch.tensor(lengths)}

        # closing: an error in writing ends the work and its progress bar before it is reported
        with contextlib.closing(frames()) as chunks:
            save_stream("frames", chunks, rest, LOGMEL)


if __name__ == "__main__":
    main()
