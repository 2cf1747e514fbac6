"""Compute each clip's log-mel at its own length and level: raw/<corpus>, tables/<corpus>.csv → logmel/<corpus>.pt."""

import argparse
import dataclasses
from pathlib import Path

import torch

from ser.features.audio import load_mono
from ser.features.chunks import each_chunk
from ser.features.own_length_mel import OwnLengthMel
from ser.storage.errors import reporting
from ser.storage.params import build, read_params, read_value
from ser.storage.tensors import save_tensors
from studies.outside.corpora.settings import PARAMS, PROJECT, read_corpus, sounds_of

MAIN_PARAMS = Path("params.yaml")
CHUNK = 4  # clips transformed at once


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", help=f"one of corpora.fetched in {PARAMS}")
    name = parser.parse_args().corpus
    with reporting("logmel"):
        sample_rate_hz, logmel = (
            read_value(MAIN_PARAMS, "audio.sample_rate_hz", int),
            read_params(MAIN_PARAMS, "logmel"),
        )
        front_end = build(OwnLengthMel, {"sample_rate_hz": sample_rate_hz, "logmel": logmel})
        clips = read_corpus(name)
        chunks = each_chunk(
            lambda paths: front_end([load_mono(path, sample_rate_hz) for path in paths]), sounds_of(name, clips), CHUNK
        )
        frames = [clip for chunk in chunks for clip in chunk]
        content = {"clips": clips["clip"].tolist(), "front_end": dataclasses.asdict(front_end)}
        content |= {"frames": torch.cat(frames), "lengths": torch.tensor([len(clip) for clip in frames])}
        save_tensors(content, PROJECT / f"logmel/{name}.pt")


if __name__ == "__main__":
    main()
