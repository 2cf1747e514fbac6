"""Train CompactNet on all speakers, as cross-validation does: data/features/logmel.pt → release/trained/compact."""

from pathlib import Path

from release.settings import PARAMS, TRAINED
from ser.corpora.clip_table import read_clips
from ser.data.own_length import OwnLengthClips
from ser.models.compact import Compact, Settings
from ser.storage.errors import reporting
from ser.storage.params import build, read_params, read_value
from ser.training.runtime import RunSettings, set_up_torch

TRAINING_PARAMS = Path("params.yaml")
CROSSVAL_PARAMS = Path("studies/crossval/params.yaml")
CLIPS = Path("data/clips.csv")
LOGMEL = Path("data/features/logmel.pt")
RESUME = Path(".resume/release_compact.pt")


def main() -> None:
    with reporting("train_compact"):
        settings = build(Settings, read_params(TRAINING_PARAMS, "train_compact"), "train_compact")
        seed = read_value(PARAMS, "train_compact.seed", int)
        run = RunSettings(seed, read_value(CROSSVAL_PARAMS, "threads.compact", int))
        device = set_up_torch(run.threads)
        dataset = OwnLengthClips.from_cache(LOGMEL, read_clips(CLIPS, "clip", "emotion"))
        # No clips watch it: the number of epochs is a setting, and none are held back
        Compact.train(dataset, None, settings, run, device, RESUME).save(TRAINED / "compact")
        RESUME.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
