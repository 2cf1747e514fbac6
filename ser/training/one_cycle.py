"""Training on clips of their own lengths: one cycle of the learning rate, mixup, and weights averaged on the way."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import pandas as pd
import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from ser.data.augmentation import mix, mixed_loss
from ser.data.own_length import bucketed_batches
from ser.data.tables import class_weights
from ser.training.checkpoints import Checkpoint, random_state, set_random_state
from ser.training.runtime import autocast
from ser.training.schedule import ScheduleSettings

PREDICTION_BATCH = 64

Batch = tuple[torch.Tensor, torch.Tensor]  # frames (clip, frames, …) float32, and lengths (clip,)
Watch = Callable[[nn.Module], dict[str, float]]


@dataclasses.dataclass(frozen=True)
class TrainingClips:
    """Lengths and labels of training clips, both (clip,), and what draws a batch of them, augmented, by its rows."""

    lengths: torch.Tensor
    labels: torch.Tensor
    draw: Callable[[torch.Tensor, torch.Generator], Batch]


@dataclasses.dataclass(frozen=True)
class OneCycleFit:
    """The outcome of a training: a row an epoch, and a network with the averaged weights."""

    history: pd.DataFrame
    network: nn.Module


def fit_one_cycle(
    network: nn.Module,
    clips: TrainingClips,
    classes: int,
    settings: ScheduleSettings,
    mixup: float,
    seed: int,
    precision: str,
    device: torch.device,
    groups: list[dict[str, Any]] | None = None,
    average_buffers: bool = True,
    watch: Watch = lambda _: {},
    checkpoint: Checkpoint | None = None,
) -> OneCycleFit:
    """Train with AdamW and class-weighted cross-entropy; the averaged weights of the last epoch are the outcome.

    The rate rises to its peak and falls to zero (one cycle, Smith & Topin 2018); the weights are averaged
    exponentially over the steps. Validation clips are only watched: the schedule's length is a setting. Only the
    training steps are in that precision (float32 or bfloat16).

    Args:
        groups: the parameters (`params`) with their own peak rates (`lr`), where not all have that of the settings.
        average_buffers: whether batch norm's running averages are averaged too; else the network's last ones stay.
        watch: is given the averaged network after each epoch; what it returns stands in the history.
        checkpoint: is taken up where it was left, and gets the state after each epoch but the last.

    Raises:
        ValueError: the training loss is no longer a number.
    """
    network.to(device)
    average = AveragedModel(
        network, multi_avg_fn=get_ema_multi_avg_fn(settings.averaging_decay), use_buffers=average_buffers
    )
    groups = groups or [{"params": list(network.parameters()), "lr": settings.peak_learning_rate}]
    optimizer = torch.optim.AdamW(groups, weight_decay=settings.weight_decay, fused=True)
    steps = sum(1 for _ in bucketed_batches(clips.lengths, settings.batch_size, torch.Generator()))
    schedule = OneCycleLR(
        optimizer,
        [group["lr"] for group in groups],
        total_steps=settings.epochs * steps,
        pct_start=settings.warmup_fraction,
    )
    weights = class_weights(clips.labels, classes).to(device)
    generator = torch.Generator().manual_seed(seed)
    parts = {"network": network, "average": average, "optimizer": optimizer, "schedule": schedule}
    history = _restore(checkpoint, parts, generator)
    with tqdm(total=settings.epochs, initial=len(history), unit="epoch", mininterval=1.0) as progress:
        for epoch in range(len(history) + 1, settings.epochs + 1):
            network.train()
            total = torch.zeros(2, device=device)  # summed loss, clips
            for rows in bucketed_batches(clips.lengths, settings.batch_size, generator):
                total += _step(network, clips, rows, weights, settings, mixup, precision, generator, optimizer)
                schedule.step()
                average.update_parameters(network)
            row = {"epoch": epoch, "train_loss": (total[0] / total[1]).item()}
            if not math.isfinite(row["train_loss"]):
                raise ValueError(f"the training loss of epoch {epoch} is {row['train_loss']}: lower the learning rate")
            history.append(row | watch(average.module))
            if checkpoint and epoch < settings.epochs:
                states = {name: part.state_dict() for name, part in parts.items()}
                drawn = {"generator": generator.get_state(), "random": random_state()}
                checkpoint.save(states | drawn | {"history": history})
            progress.update()
            progress.set_postfix({name: f"{value:.3f}" for name, value in history[-1].items() if name != "epoch"})
    return OneCycleFit(pd.DataFrame(history), average.module)


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
    clips: TrainingClips,
    rows: torch.Tensor,
    weights: torch.Tensor,
    settings: ScheduleSettings,
    mixup: float,
    precision: str,
    generator: torch.Generator,
    optimizer: torch.optim.Optimizer,
) -> torch.Tensor:
    """Update the weights once; return (2,): the batch's summed loss and its clips."""
    frames, lengths = clips.draw(rows, generator)
    mixed, mixture = mix(frames.flatten(2), lengths, mixup, generator)
    with autocast(precision, weights.device):
        logits = network(mixed.view(frames.shape).to(weights.device), lengths.to(weights.device)).float()
    labels = clips.labels[rows].to(weights.device)
    losses, _ = mixed_loss(logits, labels, mixture, weights, settings.label_smoothing)
    loss = losses.mean()
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), settings.gradient_norm)
    optimizer.step()
    return torch.stack([loss.detach() * len(rows), torch.tensor(float(len(rows)), device=weights.device)])


@torch.inference_mode()
def predict_own_length(
    network: nn.Module,
    lengths: torch.Tensor,
    batch_of: Callable[[torch.Tensor], Batch],
    device: torch.device,
    batch_size: int = PREDICTION_BATCH,
) -> torch.Tensor:
    """Return float32 logits (clip, emotions) on the device, in the clips' order, without dropout.

    lengths: (clip,); batch_of: rows → their frames and lengths.
    """
    network.eval()
    order = lengths.argsort(stable=True)
    logits = []
    for rows in order.split(batch_size):
        frames, frame_counts = batch_of(rows)
        logits.append(network(frames.to(device), frame_counts.to(device)))
    return torch.cat(logits)[order.argsort()]
