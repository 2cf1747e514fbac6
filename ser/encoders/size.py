"""How large an encoder is: its layers, the numbers of an embedding, its parameters, and its files."""

import json
from pathlib import Path

import torch

from ser.encoders.extraction import pool
from ser.encoders.kinds import load_any, load_convolutional
from ser.encoders.loading import family_of, load_encoder_model
from ser.encoders.pipelines import load_pipeline
from ser.encoders.waveforms import SAMPLE_RATE_HZ
from ser.encoders.widths import WIDTHS

MEGABYTE = 1e6


@torch.inference_mode()
def size_of(folder: Path) -> dict[str, float]:
    """Return layers, numbers (of a clip's embedding), parameters and megabytes (of the files) of an encoder."""
    states = load_any(folder)(torch.zeros(SAMPLE_RATE_HZ))
    kind = json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"]
    files = sum(path.stat().st_size for path in folder.iterdir() if path.name != "config.json")
    return {
        "layers": len(WIDTHS.get(kind, states)),
        "numbers": pool(states).numel(),
        "parameters": count_parameters(folder),
        "megabytes": files / MEGABYTE,
    }


def count_parameters(folder: Path) -> int:
    """Return how many weights compute the states; Whisper's decoder is not among them."""
    network = load_convolutional(folder)
    if network is not None:
        return network.parameters
    kind = family_of(folder)
    model = load_pipeline(folder) if kind == "torchaudio" else load_encoder_model(folder, kind)
    return sum(weight.numel() for weight in (model.encoder if kind == "whisper" else model).parameters())
