"""Compute each clip's log-mel at its own length and level: data/raw, data/clips.csv → data/features/logmel.pt."""

import contextlib
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import torch

from stages.ser.audio import load_mono
from stages.ser.chunks import each_chunk
from stages.ser.errors import reporting
from stages.ser.files import read_table
from stages.ser.logmel import LogMelSettings, TrimmedLogMel
from stages.ser.params import build, read_params
from stages.ser.streams import save_stream

PARAMS = Path("params.yaml")
RAW = Path("data/raw")
CLIPS = Path("data/clips.csv")
LOGMEL = Path("data/features/logmel.pt")
CHUNK = 4  # clips transformed at once: few enough to stay in the processor's cache


def compute_logmel(paths: list[Path], settings: LogMelSettings, sample_rate_hz: int) -> Iterator[list[torch.Tensor]]:
    """Yield chunks of clips, each (frames, n_mels) float32 in dB."""
    log_mel = TrimmedLogMel(settings, sample_rate_hz)
    yield from each_chunk(lambda chunk: log_mel([load_mono(path, sample_rate_hz) for path in chunk]), paths, CHUNK)


def main() -> None:
    with reporting("precompute_logmel"):
        settings, audio = read_params(PARAMS, "logmel", "audio")
        settings = build(LogMelSettings, settings, "logmel")
        clips = read_table(CLIPS, ("clip", "path"))
        lengths: list[int] = []

        def frames() -> Generator[torch.Tensor, None, None]:
            for chunk in compute_logmel([RAW / path for path in clips["path"]], settings, audio["sample_rate_hz"]):
                lengths.extend(len(clip) for clip in chunk)
                yield torch.cat(chunk)

        def rest() -> dict[str, Any]:
            return {"clips": clips["clip"].tolist(), "lengths": torch.tensor(lengths)}

        # closing: an error in writing ends the work and its progress bar before it is reported
        with contextlib.closing(frames()) as chunks:
            save_stream("frames", chunks, rest, LOGMEL)


if __name__ == "__main__":
    main()
