"""Embed disturbed clips: data/raw, an encoder's weights → embeddings/<encoder>/<copy>.pt."""

import argparse
from pathlib import Path

import torch

from ser.encoders.extraction import Copy, pool
from ser.encoders.loading import load_encoder
from ser.storage.errors import reporting
from ser.storage.params import build, read_params
from ser.storage.tensors import save_tensors
from studies.outside.conditions.disturbing import each_disturbed, read_table
from studies.outside.conditions.settings import EMBEDDINGS, PARAMS, read_disturb

WEIGHTS = Path("studies/encoders/weights")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("encoder", help=f"a folder in {WEIGHTS}")
    parser.add_argument("copy", help=f"a key of `conditions` in {PARAMS}, or training_1, …")
    arguments = parser.parse_args()
    with reporting("embed"):
        trim = build(Copy, read_params(PARAMS, "waveform") | {"ratio": [1, 1]}, "waveform", str(PARAMS))
        encode, clips = load_encoder(WEIGHTS / arguments.encoder), read_table()
        embedded = each_disturbed(clips, read_disturb(arguments.copy), lambda waveform: pool(encode(trim(waveform))))
        content = {"clips": clips["clip"].tolist(), "embeddings": torch.stack(list(embedded))}
        save_tensors(content, EMBEDDINGS / arguments.encoder / f"{arguments.copy}.pt")


if __name__ == "__main__":
    main()
