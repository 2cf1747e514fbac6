"""Training on features of one length, keeping the epoch that validation clips choose, and predictions."""

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from torch import nn
from tqdm import tqdm

from ser.data.augmentation import Augmentation, Mixture, mixed_loss
from ser.data.fixed_augmentation import augment_fixed
from ser.data.fixed_length import RAVDESS_AudioDataset, shuffled_batches
from ser.data.tables import class_weights
from ser.networks.blocks import NORMALIZATIONS
from ser.storage.params import check
from ser.training.checkpoints import Checkpoint, random_state, set_random_state
from ser.training.cuda_graphs import graphed
from ser.training.runtime import PRECISIONS, autocast, resolve_precision

PREDICTION_BATCH = 64


@dataclasses.dataclass(frozen=True)
class BestEpochSettings:
    """Hyperparameters of one training; each model adds its network's."""

    epochs: int
    batch_size: int
    learning_rate: float
    precision: str
    normalization: str
    augmentation: Augmentation

    def __post_init__(self) -> None:
        check(self.epochs >= 1, "epochs", self.epochs, "1 or more")
        check(self.batch_size >= 2, "batch_size", self.batch_size, "2 or more (batch norm needs two clips)")
        check(0 < self.learning_rate < 1, "learning_rate", self.learning_rate, "between 0 and 1")
        check(self.precision in PRECISIONS, "precision", self.precision, " or ".join(PRECISIONS))
        check(self.normalization in NORMALIZATIONS, "normalization", self.normalization, " or ".join(NORMALIZATIONS))


@dataclasses.dataclass(frozen=True)
class BatchNormSettings(BestEpochSettings):
    """Those of a network with batch norm, which so many training clips measure for evaluation."""

    batch_norm_clips: int

    def __post_init__(self) -> None:
        super().__post_init__()
        clips = self.batch_norm_clips
        check(clips >= 0, "batch_norm_clips", clips, "0 (running averages) or more")


@dataclasses.dataclass(frozen=True)
class Fit:
    """The outcome of a training: a row an epoch, the epoch whose weights were kept, the precision that was used."""

    history: pd.DataFrame
    best_epoch: int
    precision: str


def fit(
    network: nn.Module,
    train: RAVDESS_AudioDataset,
    val: RAVDESS_AudioDataset,
    classes: int,
    settings: BestEpochSettings,
    seed: int,
    device: torch.device,
    checkpoint: Checkpoint | None = None,
) -> Fit:
    """Train with Adam and class-weighted cross-entropy; leave in `network` the weights of the best epoch.

    Best is the highest validation accuracy, then the lowest validation loss, then the earliest epoch. The training
    figures of the history are means over the epoch's batches, with augmentation and dropout (after mixup an answer is
    right by the clip with the larger share); the validation figures are without. A checkpoint is taken up where it was
    left, and gets the state after each epoch but the last. ValueError when the loss is no longer a number.
    """
    precision = resolve_precision(settings.precision, device)
    network.standardize.fit(train.features)
    network.to(device, memory_format=torch.channels_last)
    loss_of = nn.CrossEntropyLoss(class_weights(train.labels, classes).to(device))
    optimizer = torch.optim.Adam(network.parameters(), settings.learning_rate, fused=True)
    # Augmentation has its own random generator, so that it does not change the order of training
    generators = {name: torch.Generator().manual_seed(seed) for name in ("order", "augmentation")}
    # So do the clips that measure batch norm
    drawn = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed))
    sample = drawn[: settings.batch_norm_clips if isinstance(settings, BatchNormSettings) else 0]
    features, labels = train.features.to(device), train.labels.to(device)
    val_labels = val.labels.to(device)
    answer = graphed(network, features[: settings.batch_size], precision, device)
    history, best_state = _restore(checkpoint, network, optimizer, generators)
    progress = tqdm(
        total=settings.epochs * len(features), initial=len(history) * len(features), unit="clip", mininterval=1.0
    )
    for epoch in range(len(history) + 1, settings.epochs + 1):
        network.train()
        totals = torch.zeros(3, device=device)  # loss, right answers, clips
        for rows in shuffled_batches(len(features), settings.batch_size, generators["order"]):
            batch, mixture = augment_fixed(features[rows], settings.augmentation, generators["augmentation"])
            totals += _step(answer, batch, labels[rows], mixture, loss_of, optimizer, precision, device)
            progress.update(len(rows))
        measure_batch_norm(network, features[sample], precision, device)
        val_logits = predict_logits(network, val.features, precision, device)
        row = {
            "epoch": epoch,
            "train_loss": (totals[0] / totals[2]).item(),
            "val_loss": loss_of(val_logits, val_labels).item(),
            "train_accuracy": (totals[1] / totals[2]).item(),
            "val_accuracy": (val_logits.argmax(dim=1) == val_labels).float().mean().item(),
        }
        if not math.isfinite(row["train_loss"]):
            raise ValueError(f"the training loss of epoch {epoch} is {row['train_loss']}: lower learning_rate")
        history.append(row)
        if _best(history) is row:
            best_state = {name: value.clone() for name, value in network.state_dict().items()}
        if checkpoint and epoch < settings.epochs:
            checkpoint.save(
                {
                    "network": network.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "generators": {name: generator.get_state() for name, generator in generators.items()},
                    "random": random_state(),
                    "history": history,
                    "best": best_state,
                }
            )
        progress.set_postfix_str(
            f"epoch {epoch}/{settings.epochs} loss {row['train_loss']:.3f}/{row['val_loss']:.3f} "
            f"accuracy {row['train_accuracy']:.3f}/{row['val_accuracy']:.3f} (train/val)"
        )
    progress.close()
    network.load_state_dict(best_state)
    return Fit(pd.DataFrame(history), _best(history)["epoch"], precision)


def _best(history: list[dict[str, float]]) -> dict[str, float]:
    return max(history, key=lambda row: (row["val_accuracy"], -row["val_loss"]))


def _restore(
    checkpoint: Checkpoint | None,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    generators: dict[str, torch.Generator],
) -> tuple[list[dict[str, float]], dict[str, torch.Tensor]]:
    """Go back to where an ended training stood; return its history and its best state, both empty if there was none."""
    state = checkpoint.load() if checkpoint else None
    if state is None:
        return [], {}
    network.load_state_dict(state["network"])
    optimizer.load_state_dict(state["optimizer"])
    for name, generator in generators.items():
        generator.set_state(state["generators"][name])
    set_random_state(state["random"])
    return state["history"], state["best"]


def _step(
    network: Callable[[torch.Tensor], torch.Tensor],
    features: torch.Tensor,
    labels: torch.Tensor,
    mixture: Mixture | None,
    loss_of: nn.CrossEntropyLoss,
    optimizer: torch.optim.Optimizer,
    precision: str,
    device: torch.device,
) -> torch.Tensor:
    """Update the weights once; return (3,): the batch's summed loss, its right answers and its clips."""
    with autocast(precision, device):
        logits = network(features)
    if mixture is None:
        loss = loss_of(logits.float(), labels)
    else:
        losses, weights = mixed_loss(logits.float(), labels, mixture, loss_of.weight)
        loss = losses.sum() / weights.sum()  # as CrossEntropyLoss means
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    right = (logits.detach().argmax(dim=1) == labels).sum()
    return torch.stack([loss.detach() * len(labels), right, torch.ones_like(right) * len(labels)])


@torch.no_grad()
def measure_batch_norm(network: nn.Module, features: torch.Tensor, precision: str, device: torch.device) -> None:
    """Replace the running averages of batch norm by means over these clips, seen without dropout.

    Dropout ahead of a batch norm widens the variance that it averages in training, so that evaluation, without
    dropout, would shrink every layer's output ("variance shift", Li et al., CVPR 2019; the remedy is the precise batch
    norm of Wu & Johnson 2021). No clips: the running averages stay.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    if not norms or len(features) < 2:
        return
    network.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over the batches
        norm.train()
    for rows in shuffled_batches(len(features), PREDICTION_BATCH, torch.Generator()):
        with autocast(precision, device):
            network(features[rows])


@torch.inference_mode()
def predict_logits(network: nn.Module, features: torch.Tensor, precision: str, device: torch.device) -> torch.Tensor:
    """Return float32 logits (clip, emotions) on the device, without dropout."""
    network.eval()
    with autocast(precision, device):
        return torch.cat([network(batch.to(device)).float() for batch in features.split(PREDICTION_BATCH)])


def predict_probabilities(
    network: nn.Module, features: torch.Tensor, precision: str, device: torch.device
) -> np.ndarray:
    """Return float64 probabilities (clip, emotions): the softmax of the logits."""
    return predict_logits(network, features, precision, device).double().softmax(dim=1).cpu().numpy()
