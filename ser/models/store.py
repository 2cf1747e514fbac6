"""A model on disk: a folder with `model.json`, which says all that is needed to build it again, and its weights."""

import json
from pathlib import Path
from typing import Any

from torch import nn

from ser.corpora.emotions import EMOTIONS
from ser.storage.files import write_json
from ser.storage.tensors import load_tensors, save_tensors

DESCRIPTION, WEIGHTS = "model.json", "weights.pt"


def write_description(folder: Path, model: str, **facts: Any) -> None:
    """Write which model a folder holds, its emotions and further facts."""
    write_json({"emotions": EMOTIONS, "model": model, **facts}, folder / DESCRIPTION, digits=17)


def read_description(folder: Path, model: str | None = None, keys: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return what a folder says of its model; ValueError when it is no such model, or lacks one of the keys."""
    path = folder / DESCRIPTION
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        missing = {"model", "emotions", *keys} - description.keys()
        found = description.get("model")
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{path}: no such file; expected the folder of a model, as `dvc repro` writes"
        ) from None
    except (json.JSONDecodeError, AttributeError) as error:
        raise ValueError(f"{path}: not the description of a model ({error!r}). Run `dvc repro`.") from None
    if None not in (model, found) and model != found:
        raise ValueError(f"{path}: holds the model {found!r}, expected {model!r}")
    if missing:
        raise ValueError(f"{path}: not the description of a model, lacks {sorted(missing)}. Run `dvc repro`.")
    if tuple(description["emotions"]) != EMOTIONS:
        raise ValueError(f"{path}: its emotions are {description['emotions']}, expected {list(EMOTIONS)}")
    return description


def save_weights(network: nn.Module, folder: Path) -> None:
    """Write the state dict of a network."""
    save_tensors(network.state_dict(), folder / WEIGHTS)


def load_weights(network: nn.Module, folder: Path) -> nn.Module:
    """Load weights into a network and return it, ready to predict; ValueError when they do not fit."""
    try:
        network.load_state_dict(load_tensors(folder / WEIGHTS))
    except RuntimeError as error:
        raise ValueError(f"{folder / WEIGHTS}: weights do not fit {folder / DESCRIPTION}: {error}") from None
    return network.eval()


def count_parameters(network: nn.Module) -> int:
    """Return how many numbers a network learned."""
    return sum(parameter.numel() for parameter in network.parameters())
