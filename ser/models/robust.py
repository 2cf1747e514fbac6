"""CompactNet trained on clips as they are and on disturbed copies of them, an epoch costing what it costs without."""

from pathlib import Path

import torch

from ser.corpora.emotions import EMOTIONS
from ser.data.augmentation import augment
from ser.data.drawn_copies import DrawnCopies
from ser.models.compact import Compact, Settings
from ser.networks.compact import CompactNet
from ser.training.checkpoints import Checkpoint
from ser.training.one_cycle import TrainingClips, fit_one_cycle
from ser.training.runtime import RunSettings, resolve_precision, seed_generators


def train_robust(
    copies: DrawnCopies, settings: Settings, run: RunSettings, device: torch.device, resume: Path | None = None
) -> Compact:
    """Train as `Compact.train`, but each time that a clip is drawn, one of its copies is taken at random.

    resume: a file from which a stopped training continues.
    """
    seed_generators(run.seed)
    clean, augmentation = copies.clean, settings.augmentation
    network = CompactNet(settings.network, clean.bands, len(EMOTIONS))
    network.standardize.fit([frames for clips in copies.all for frames in clips.clips])
    precision = resolve_precision(settings.precision, device)
    data = (item for clips in copies.all for item in (torch.cat(clips.clips), clips.lengths, clips.labels))
    fitted = fit_one_cycle(
        network,
        TrainingClips(
            clean.lengths,
            clean.labels,
            lambda rows, generator: augment(*copies.draw(rows, generator), augmentation, generator),
        ),
        len(EMOTIONS),
        settings.schedule,
        augmentation.mixup,
        run.seed,
        precision,
        device,
        checkpoint=Checkpoint(resume, run, settings, copies.clean_share, device, *data) if resume else None,
    )
    return Compact(fitted.network, settings.network, clean.bands, clean.front_end, precision, device, fitted.history)
