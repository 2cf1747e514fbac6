"""Train an attentive head on one fold: encoders/frames → crossval/runs/<protocol>/<model>_attentive/<fold>-<seed>.*."""

import dataclasses
from pathlib import Path

from crossval.runs import Run, write_run
from encoders.attentive import AttentiveConfig, AttentiveHead
from encoders.fitting import fit_copies, fit_twice
from encoders.sequences import CopiedClips
from stages.ser.emotions import EMOTIONS
from stages.ser.errors import reporting
from stages.ser.params import build, check, read_params
from stages.ser.runtime import RunSettings, prepare
from stages.ser.schedule import ScheduleSettings

PARAMS = Path("encoders/params.yaml")
FRAMES = Path("encoders/frames")


@dataclasses.dataclass(frozen=True)
class Settings:
    threads: int
    mixup: float
    schedule: ScheduleSettings
    head: AttentiveConfig

    def __post_init__(self) -> None:
        check(self.mixup >= 0, "mixup", self.mixup, "0 (none) or more")


def train_attentive(train: CopiedClips, settings: Settings, seed: int) -> AttentiveHead:
    """Return a head that was trained on all these clips (frames, layers, width)."""
    device = prepare(RunSettings(seed, settings.threads, batch_norm_clips=0))
    head = AttentiveHead(settings.head, *train.copies[0][0].shape[1:], len(EMOTIONS))
    head.mixture.fit(train.copies[0])
    groups = [{"params": list(head.parameters()), "lr": settings.schedule.peak_learning_rate}]
    return fit_copies(head, groups, train, settings.schedule, settings.mixup, seed, device)


def main() -> None:
    run = Run.from_arguments(__doc__)
    with reporting("train_attentive"):
        values, runs, speeds = read_params(PARAMS, "train_attentive", "runs", "speeds")
        settings = build(Settings, values, "train_attentive", str(PARAMS))
        clips = run.clips()
        frames = CopiedClips.read([FRAMES / f"{copy}.pt" for copy in speeds], clips)
        logits, head = fit_twice(clips, frames, lambda train: train_attentive(train, settings, run.seed))
        shares = head.mixture.weights.tolist()
        write_run(run.path(f"{runs['model']}_attentive"), clips, logits, layer_weights=shares)


if __name__ == "__main__":
    main()
