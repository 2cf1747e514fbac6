"""What the runs of CompactNet share: settings, and the logits of all clips after a training on one fold."""

from pathlib import Path
from typing import Any

import pandas as pd
import torch

from stages.ser.emotions import EMOTIONS
from stages.ser.networks.compact import CompactNet
from stages.ser.params import build, read_params
from stages.ser.ragged import RaggedDataset
from stages.ser.runtime import RunSettings, prepare, resolve_precision
from stages.ser.schedule_training import fit_on_schedule, predict_ragged_logits
from stages.train_compact import Settings

PARAMS = Path("params.yaml")
CROSSVAL_PARAMS = Path("crossval/params.yaml")
LOGMEL = Path("data/features/logmel.pt")


def train_compact(
    clips: pd.DataFrame, seed: int, changes: dict[str, Any], parts: tuple[str, ...] = ("train",)
) -> torch.Tensor:
    """Train on the clips of these splits and return the logits (clip, emotions) of all.

    changes: values of `train_compact` by their dotted names, in place of those of `params.yaml`.
    """
    shared, values = read_params(PARAMS, "train", "train_compact")
    shared |= {"seed": seed, "threads": read_params(CROSSVAL_PARAMS, "threads")["compact"]}
    settings = build(Settings, changed(values, changes), "train_compact")
    device = prepare(build(RunSettings, shared, "train"))
    dataset = RaggedDataset.from_cache(LOGMEL, clips)
    train, val = (dataset[torch.tensor(clips["split"].isin(chosen).to_numpy())] for chosen in (parts, ["val"]))
    network = CompactNet(settings.network, dataset.bands, len(EMOTIONS))
    precision = resolve_precision(settings.precision, device)
    schedule, augmentation = settings.schedule, settings.augmentation
    fitted = fit_on_schedule(network, train, val, len(EMOTIONS), schedule, augmentation, seed, precision, device)
    return predict_ragged_logits(fitted.network, dataset, device)


def changed(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of a section with other values; ValueError names a change of what it does not have."""
    values = {key: dict(value) if isinstance(value, dict) else value for key, value in values.items()}
    for name, value in changes.items():
        section, _, key = name.partition(".")
        if key not in values.get(section, {}):
            raise ValueError(f"crossval/params.yaml: {name} is no key of train_compact; sections are {sorted(values)}")
        values[section][key] = value
    return values
