"""Training on a schedule: one cycle of the learning rate, augmentation, mixup, and weights averaged on the way."""

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from stages.ser.augmentation import Augmentation, augment, mix, mixed_loss
from stages.ser.checkpoints import Checkpoint, random_state, set_random_state
from stages.ser.dataset import class_weights
from stages.ser.ragged import RaggedDataset, bucketed_batches
from stages.ser.runtime import autocast
from stages.ser.schedule import ScheduleSettings

PREDICTION_BATCH = 64


@dataclasses.dataclass(frozen=True)
class ScheduledFit:
    """The outcome of a training: a row an epoch, and a network with the averaged weights."""

    history: pd.DataFrame
    network: nn.Module


def fit_on_schedule(
    network: nn.Module,
    train: RaggedDataset,
    val: RaggedDataset,
    classes: int,
    settings: ScheduleSettings,
    augmentation: Augmentation,
    seed: int,
    precision: str,
    device: torch.device,
    checkpoint: Checkpoint | None = None,
) -> ScheduledFit:
    """Train with AdamW and class-weighted cross-entropy; the averaged weights of the last epoch are the outcome.

    The rate rises to its peak and falls to zero (one cycle, Smith & Topin 2018); the weights are averaged
    exponentially over the steps. Validation clips are only watched: the schedule's length is a setting. A checkpoint is
    taken up where it was left, and gets the state after each epoch but the last. Only the
    training steps are in that precision (float32 or bfloat16): predictions are float32.
    """
    network.standardize.fit(train)
    network.to(device)
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(settings.averaging_decay), use_buffers=True)
    optimizer = torch.optim.AdamW(
        network.parameters(), settings.peak_learning_rate, weight_decay=settings.weight_decay, fused=True
    )
    steps = sum(1 for _ in bucketed_batches(train.lengths, settings.batch_size, torch.Generator()))
    schedule = OneCycleLR(
        optimizer,
        settings.peak_learning_rate,
        total_steps=settings.epochs * steps,
        pct_start=settings.warmup_fraction,
    )
    weights = class_weights(train.labels, classes).to(device)
    generator = torch.Generator().manual_seed(seed)
    parts = {"network": network, "average": average, "optimizer": optimizer, "schedule": schedule}
    history = _restore(checkpoint, parts, generator)
    with tqdm(total=settings.epochs, initial=len(history), unit="epoch", mininterval=1.0) as progress:
        for epoch in range(len(history) + 1, settings.epochs + 1):
            network.train()
            total = torch.zeros(2, device=device)  # summed loss, clips
            for rows in bucketed_batches(train.lengths, settings.batch_size, generator):
                total += _step(network, train, rows, weights, settings, precision, augmentation, generator, optimizer)
                schedule.step()
                average.update_parameters(network)
            history.append(
                {"epoch": epoch, "train_loss": (total[0] / total[1]).item()}
                | validate(average.module, val, weights, device)
            )
            if checkpoint and epoch < settings.epochs:
                states = {name: part.state_dict() for name, part in parts.items()}
                drawn = {"generator": generator.get_state(), "random": random_state()}
                checkpoint.save(states | drawn | {"history": history})
            progress.update()
            shown = "loss {train_loss:.3f}/{val_loss:.3f} accuracy {val_accuracy:.3f}"
            progress.set_postfix_str(shown.format(**history[-1]))
    return ScheduledFit(pd.DataFrame(history), average.module)


def _restore(
    checkpoint: Checkpoint | None, parts: dict[str, Any], generator: torch.Generator
) -> list[dict[str, float]]:
    """Go back to where an ended training stood; return its history, empty if there was none."""
    state = checkpoint.load() if checkpoint else None
    if state is None:
        return []
    for name, part in parts.items():
        part.load_state_dict(state[name])
    generator.set_state(state["generator"])
    set_random_state(state["random"])
    return state["history"]


def _step(
    network: nn.Module,
    train: RaggedDataset,
    rows: torch.Tensor,
    weights: torch.Tensor,
    settings: ScheduleSettings,
    precision: str,
    augmentation: Augmentation,
    generator: torch.Generator,
    optimizer: torch.optim.Optimizer,
) -> torch.Tensor:
    """Update the weights once; return (2,): the batch's summed loss and its clips."""
    frames, lengths = augment(*train.batch(rows), augmentation, generator)
    frames, mixture = mix(frames, lengths, augmentation.mixup, generator)
    with autocast(precision, weights.device):
        logits = network(frames.to(weights.device), lengths.to(weights.device)).float()
    labels = train.labels[rows].to(weights.device)
    losses, _ = mixed_loss(logits, labels, mixture, weights, settings.label_smoothing)
    loss = losses.mean()
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), settings.gradient_norm)
    optimizer.step()
    return torch.stack([loss.detach() * len(rows), torch.tensor(float(len(rows)), device=weights.device)])


def validate(network: nn.Module, val: RaggedDataset, weights: torch.Tensor, device: torch.device) -> dict[str, float]:
    """Return val_loss (class-weighted cross-entropy) and val_accuracy."""
    logits, labels = predict_ragged_logits(network, val, device), val.labels.to(device)
    return {
        "val_loss": nn.functional.cross_entropy(logits, labels, weights).item(),
        "val_accuracy": (logits.argmax(dim=1) == labels).float().mean().item(),
    }


@torch.inference_mode()
def predict_ragged_logits(network: nn.Module, clips: RaggedDataset, device: torch.device) -> torch.Tensor:
    """Return float32 logits (clip, emotions) on the device, in the clips' order, without dropout."""
    network.eval()
    order = clips.lengths.argsort(stable=True)
    logits = []
    for rows in order.split(PREDICTION_BATCH):
        frames, lengths = clips.batch(rows)
        logits.append(network(frames.to(device), lengths.to(device)))
    return torch.cat(logits)[order.argsort()]


def predict_ragged_probabilities(network: nn.Module, clips: RaggedDataset, device: torch.device) -> np.ndarray:
    """Return float64 probabilities (clip, emotions): the softmax of the logits."""
    return predict_ragged_logits(network, clips, device).double().softmax(dim=1).cpu().numpy()
