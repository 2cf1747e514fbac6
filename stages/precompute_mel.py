"""Compute the log-mel spectrogram of every clip: data/raw, data/clips.csv → data/features/mel.pt."""

import contextlib
import dataclasses
from pathlib import Path

from ser.corpora.clip_table import read_clips
from ser.features.audio import load_mono
from ser.features.chunks import each_chunk
from ser.features.fixed_mel import FixedMel
from ser.storage.errors import reporting
from ser.storage.params import build, read_params
from ser.storage.streams import save_stream

PARAMS = Path("params.yaml")
RAW = Path("data/raw")
CLIPS = Path("data/clips.csv")
MEL = Path("data/features/mel.pt")
CHUNK = 4  # clips transformed at once: few enough to stay in the processor's cache


def main() -> None:
    with reporting("precompute_mel"):
        audio, mel = read_params(PARAMS, "audio", "mel")
        front_end = build(FixedMel, {"audio": audio, "mel": mel})
        clips = read_clips(CLIPS, "clip", "path")
        rest = {"clips": clips["clip"].tolist(), "front_end": dataclasses.asdict(front_end)}
        paths = [RAW / path for path in clips["path"]]
        features = each_chunk(
            lambda chunk: front_end([load_mono(path, front_end.sample_rate_hz) for path in chunk]), paths, CHUNK
        )
        # closing: an error in writing ends the work and its progress bar before it is reported
        with contextlib.closing(features) as chunks:
            save_stream("features", chunks, lambda: rest, MEL)


if __name__ == "__main__":
    main()
