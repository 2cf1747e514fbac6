"""A trained network on disk: weights in `<model>.pt`, and in `<model>.json` all that is needed to build it again."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from torch import nn

from stages.ser.emotions import EMOTIONS
from stages.ser.files import write_json
from stages.ser.params import build
from stages.ser.tensors import load_tensors, save_tensors


def save_network(
    network: nn.Module, config: Any, input_shape: tuple[int, ...], normalization: str, path: Path, **facts: Any
) -> None:
    """Write the state dict to `path` and config, input shape, emotions and further facts to the JSON beside it."""
    description = {
        "config": dataclasses.asdict(config),
        "emotions": EMOTIONS,
        "input_shape": list(input_shape),
        "network": type(network).__name__,
        "normalization": normalization,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        **facts,
    }
    save_tensors(network.state_dict(), path)
    write_json(description, path.with_suffix(".json"))


def load_network(kind: type[nn.Module], config_kind: type, path: Path) -> nn.Module:
    """Build a network from its JSON and load its weights; ValueError names the file that does not fit."""
    beside = path.with_suffix(".json")
    try:
        description = json.loads(beside.read_text(encoding="utf-8"))
        found, values = description["network"], description["config"]
        shape, emotions, normalization = (description[key] for key in ("input_shape", "emotions", "normalization"))
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{beside}: not the description of a network ({error!r}). Run `dvc repro`.") from None
    if found != kind.__name__:
        raise ValueError(f"{path}: holds {found}, expected {kind.__name__}")
    config = build(config_kind, values, "config", str(beside))
    network = kind(config, tuple(shape), len(emotions), normalization)
    try:
        network.load_state_dict(load_tensors(path))
    except RuntimeError as error:
        raise ValueError(f"{path}: weights do not fit {beside}: {error}") from None
    return network.eval()
