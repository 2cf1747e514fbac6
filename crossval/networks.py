"""What the runs of the design's networks share: train on one fold, keep the epoch that its validation clips choose."""

from pathlib import Path

import pandas as pd
import torch
from torch import nn

from crossval.runs import Run, write_run
from stages.ser.dataset import RAVDESS_AudioDataset
from stages.ser.emotions import EMOTIONS
from stages.ser.params import build, read_params
from stages.ser.runtime import RunSettings, prepare
from stages.ser.training import Fit, fit, predict_logits

PARAMS = Path("params.yaml")
CROSSVAL_PARAMS = Path("crossval/params.yaml")


def train_network(
    clips: pd.DataFrame, seed: int, kind: type[nn.Module], settings_kind: type, section: str, features: Path
) -> tuple[nn.Module, Fit, RAVDESS_AudioDataset, torch.device]:
    """Train a network by its section of `params.yaml` on the split train; return it, its fit, clips and device."""
    shared, settings = read_params(PARAMS, "train", section)
    settings = build(settings_kind, settings, section)
    shared = build(RunSettings, shared | {"seed": seed, "threads": run_threads()}, "train")
    device = prepare(shared)
    dataset = RAVDESS_AudioDataset.from_cache(features, clips)
    network = kind(settings.network, tuple(dataset.features.shape[1:]), len(EMOTIONS), settings.normalization)
    result = fit(network, dataset.part("train"), dataset.part("val"), len(EMOTIONS), settings, shared, device)
    return network, result, dataset, device


def run_threads() -> int:
    """Return the CPU threads of a run of the design's networks."""
    return read_params(CROSSVAL_PARAMS, "threads")["design"]


def run_network(run: Run, model: str, kind: type[nn.Module], settings_kind: type, features: Path) -> None:
    """Train a network by the section `train_<model>` and write the run."""
    network, result, dataset, device = train_network(
        run.clips(), run.seed, kind, settings_kind, f"train_{model}", features
    )
    logits = predict_logits(network, dataset.features, result.precision, device)
    write_run(run.path(model), dataset.table, logits, best_epoch=result.best_epoch)
