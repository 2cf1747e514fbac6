"""Every kind of encoder behind one call: a waveform → hidden states, whatever the network."""

import functools
import json
from pathlib import Path

import torch

from ser.encoders.loading import Encode, load_encoder
from ser.encoders.vggish import Vggish
from ser.encoders.yamnet import Yamnet

CONVOLUTIONAL = {"yamnet": Yamnet, "vggish": Vggish}


def load_any(folder: Path) -> Encode:
    """Return what turns a waveform, (time,) float32 at 16 kHz, into hidden states, (layers, frames, width) float32.

    Layers of a convolutional network differ in width. So they lie side by side as one layer (widths.py), and a frame is
    a patch of 0.96 s. ValueError names the folder when its encoder is unknown or it lacks weights.
    """
    network = load_convolutional(folder)
    return load_encoder(folder) if network is None else functools.partial(_states, network)


def load_convolutional(folder: Path) -> Yamnet | Vggish | None:
    """Return the network of a folder if it is convolutional, else None."""
    path = folder / "config.json"
    kind = json.loads(path.read_text(encoding="utf-8")).get("model_type")
    return CONVOLUTIONAL[kind].load(folder) if kind in CONVOLUTIONAL else None


def _states(network: Yamnet | Vggish, waveform: torch.Tensor) -> torch.Tensor:
    if not len(waveform):
        raise ValueError("a waveform has no samples; encoders need 1 or more")
    return network.states(waveform)
