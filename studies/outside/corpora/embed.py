"""Embed every copy of all clips, as ../../encoders does: raw/<corpus>, tables/<corpus>.csv → embeddings/<corpus>/."""

import argparse
from pathlib import Path

import torch

from ser.encoders.extraction import Copy, each_clip, pool
from ser.encoders.loading import load_encoder
from ser.storage.errors import reporting
from ser.storage.files import replacing_folder
from ser.storage.params import build, read_params, read_value
from ser.storage.tensors import save_tensors
from studies.outside.corpora.settings import PARAMS, PROJECT, read_corpus, sounds_of

ENCODERS = Path("studies/encoders")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", help=f"one of corpora.fetched in {PARAMS}")
    name = parser.parse_args().corpus
    with reporting("embed"):
        waveform, speeds = read_params(ENCODERS / "params.yaml", "waveform", "speeds")
        encode = load_encoder(ENCODERS / "weights" / read_value(PARAMS, "encoder.name", str))
        clips = read_corpus(name)
        with replacing_folder(PROJECT / "embeddings" / name) as folder:
            for copy, ratio in speeds.items():
                made = build(Copy, waveform | {"ratio": ratio}, "waveform", str(ENCODERS / "params.yaml"))
                embeddings = torch.stack([pool(states) for states in each_clip(sounds_of(name, clips), encode, made)])
                save_tensors({"clips": clips["clip"].tolist(), "embeddings": embeddings}, folder / f"{copy}.pt")


if __name__ == "__main__":
    main()
