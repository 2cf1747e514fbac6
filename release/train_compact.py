"""Train CompactNet on all speakers, as cross-validation does: data/features/logmel.pt → release/trained/compact."""

from pathlib import Path

from release.settings import PARAMS, TRAINED
from ser.data.own_length import OwnLengthClips
from ser.models.compact import Compact, Settings
from ser.storage.errors import reporting
from ser.storage.files import read_table
from ser.storage.params import build, read_params
from ser.training.runtime import RunSettings, set_up_torch

TRAINING_PARAMS = Path("params.yaml")
CROSSVAL_PARAMS = Path("studies/crossval/params.yaml")
CLIPS = Path("data/clips.csv")
LOGMEL = Path("data/features/logmel.pt")
RESUME = Path(".resume/release_compact.pt")


def main() -> None:
    with reporting("train_compact"):
        settings = build(Settings, read_params(TRAINING_PARAMS, "train_compact"), "train_compact")
        seed = read_params(PARAMS, "train_compact")["seed"]
        run = RunSettings(seed, read_params(CROSSVAL_PARAMS, "threads")["compact"])
        device = set_up_torch(run.threads)
        dataset = OwnLengthClips.from_cache(LOGMEL, read_table(CLIPS, ("clip", "emotion")))
        # No clips watch it: the number of epochs is a setting, and none are held back
        Compact.train(dataset, None, settings, run, device, RESUME).save(TRAINED / "compact")
        RESUME.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
