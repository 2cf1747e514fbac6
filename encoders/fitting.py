"""Training on copies of clips, once for validation and once for the test, and predictions from all copies."""

import math
from collections.abc import Callable
from typing import Any

import pandas as pd
import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from encoders.sequences import CopiedClips
from stages.ser.augmentation import mix, mixed_loss
from stages.ser.dataset import class_weights
from stages.ser.emotions import EMOTIONS
from stages.ser.ragged import bucketed_batches
from stages.ser.schedule import ScheduleSettings

PREDICTION_BATCH = 32

Batch = tuple[torch.Tensor, torch.Tensor]  # frames (clip, frames, …) float32, and lengths (clip,)
Change = Callable[[torch.Tensor, torch.Tensor, torch.Generator], Batch]


def unchanged(frames: torch.Tensor, lengths: torch.Tensor, generator: torch.Generator) -> Batch:
    """Return a batch as it is."""
    return frames, lengths


def fit_copies(
    network: nn.Module,
    groups: list[dict[str, Any]],
    clips: CopiedClips,
    settings: ScheduleSettings,
    mixup: float,
    seed: int,
    device: torch.device,
    change: Change = unchanged,
) -> nn.Module:
    """Train with AdamW and class-weighted cross-entropy; return a network with the averaged weights.

    groups: the parameters (`params`) and their peak rates (`lr`), which rise and fall to zero together (one cycle,
    Smith & Topin 2018); the settings' own peak is not looked at. An epoch sees one copy of each clip, drawn at random,
    after `change` and mixup. The weights are averaged exponentially over the steps. ValueError when the loss is no
    longer a number.
    """
    network.to(device).train()
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(settings.averaging_decay))
    optimizer = torch.optim.AdamW(groups, weight_decay=settings.weight_decay, fused=True)
    steps = sum(1 for _ in bucketed_batches(clips.lengths[0], settings.batch_size, torch.Generator()))
    peaks, total_steps = [group["lr"] for group in groups], settings.epochs * steps
    schedule = OneCycleLR(optimizer, peaks, total_steps=total_steps, pct_start=settings.warmup_fraction)
    weights = class_weights(clips.labels, len(EMOTIONS)).to(device)
    generator = torch.Generator().manual_seed(seed)
    for epoch in (progress := tqdm(range(1, settings.epochs + 1), unit="epoch", mininterval=1.0)):
        losses = []
        for rows in bucketed_batches(clips.lengths[0], settings.batch_size, generator):
            copies = torch.randint(len(clips.copies), (len(rows),), generator=generator)
            batch = change(*clips.batch(copies, rows), generator)
            loss = _loss(network, batch, clips.labels[rows], weights, mixup, settings.label_smoothing, generator)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), settings.gradient_norm)
            optimizer.step()
            schedule.step()
            average.update_parameters(network)
            losses.append(loss.detach())
        mean = torch.stack(losses).mean().item()
        if not math.isfinite(mean):
            raise ValueError(f"the training loss of epoch {epoch} is {mean}: lower the learning rates")
        progress.set_postfix_str(f"loss {mean:.3f}")
    return average.module


def _loss(
    network: nn.Module,
    batch: Batch,
    labels: torch.Tensor,
    weights: torch.Tensor,
    mixup: float,
    label_smoothing: float,
    generator: torch.Generator,
) -> torch.Tensor:
    frames, lengths = batch
    mixed, mixture = mix(frames.flatten(2), lengths, mixup, generator)
    device = weights.device
    logits = network(mixed.view(frames.shape).to(device), lengths.to(device))
    losses, _ = mixed_loss(logits, labels.to(device), mixture, weights, label_smoothing)
    return losses.mean()


def fit_twice(
    table: pd.DataFrame, clips: CopiedClips, fit: Callable[[CopiedClips], nn.Module]
) -> tuple[torch.Tensor, nn.Module]:
    """Return the logits (clip, emotions) of a table of clips (column split), and the network that was trained last.

    Clips of val are predicted after a training on the split train, those of test after one on train and val; clips of
    train are not, and have zeros.
    """
    logits = torch.zeros(len(table), len(EMOTIONS))
    for known, asked in ((["train"], "val"), (["train", "val"], "test")):
        trained, predicted = (torch.tensor(table["split"].isin(parts).to_numpy()) for parts in (known, [asked]))
        network = fit(clips.part(trained))
        logits[predicted] = predict_copies(network, clips.part(predicted))
    return logits, network


@torch.inference_mode()
def predict_copies(network: nn.Module, clips: CopiedClips) -> torch.Tensor:
    """Return (clip, emotions) float32 on the CPU: the mean over the copies of a clip's log-probabilities."""
    network.eval()
    device = next(network.parameters()).device
    copies = [_predict_copy(network, clips, copy, device) for copy in range(len(clips.copies))]
    return torch.stack(copies).mean(dim=0).cpu()


def _predict_copy(network: nn.Module, clips: CopiedClips, copy: int, device: torch.device) -> torch.Tensor:
    order = clips.lengths[copy].argsort(stable=True)
    logits = []
    for rows in order.split(PREDICTION_BATCH):
        frames, lengths = clips.batch(torch.full_like(rows, copy), rows)
        logits.append(network(frames.to(device), lengths.to(device)))
    return torch.cat(logits)[order.argsort()].log_softmax(dim=1)
