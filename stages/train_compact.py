"""Train CompactNet on log-mel: data/features/logmel.pt → models/compact/, its history and its predictions."""

from pathlib import Path

import torch

from ser.corpora.clip_table import read_clips, read_splits
from ser.data.own_length import OwnLengthClips
from ser.data.tables import join_splits
from ser.evaluation.predictions import write_predictions
from ser.models.compact import Compact, Settings
from ser.storage.errors import reporting
from ser.storage.files import write_table
from ser.storage.params import build, read_params
from ser.training.runtime import RunSettings, set_up_torch

PARAMS = Path("params.yaml")
CLIPS = Path("data/clips.csv")
SPLITS = Path("data/splits.csv")
LOGMEL = Path("data/features/logmel.pt")
MODEL = Path("models/compact")
HISTORY = Path("plots/history/compact.csv")
PREDICTIONS = Path("data/predictions/compact.csv")
RESUME = Path(".resume/train_compact.pt")


def main() -> None:
    with reporting("train_compact"):
        run, settings = read_params(PARAMS, "train", "train_compact")
        run, settings = build(RunSettings, run, "train"), build(Settings, settings, "train_compact")
        device = set_up_torch(run.threads)
        clips = join_splits(read_clips(CLIPS, "clip", "emotion"), read_splits(SPLITS))
        dataset = OwnLengthClips.from_cache(LOGMEL, clips)
        train, val = (dataset[torch.tensor((clips["split"] == part).to_numpy())] for part in ("train", "val"))
        model = Compact.train(train, val, settings, run, device, RESUME)
        model.save(MODEL)
        write_table(model.history, HISTORY)
        write_predictions(clips, model.probabilities(dataset), PREDICTIONS)
        RESUME.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
