"""Train the CNN-LSTM on mel: data/features/mel.pt → models/extractor/ and its history."""

from pathlib import Path

from ser.corpora.clip_table import read_clips, read_splits
from ser.data.fixed_length import RAVDESS_AudioDataset
from ser.data.tables import join_splits
from ser.models.extractor import Extractor, Settings
from ser.storage.errors import reporting
from ser.storage.files import write_table
from ser.storage.params import build, read_params
from ser.training.runtime import RunSettings, set_up_torch

PARAMS = Path("params.yaml")
CLIPS = Path("data/clips.csv")
SPLITS = Path("data/splits.csv")
MEL = Path("data/features/mel.pt")
MODEL = Path("models/extractor")
HISTORY = Path("plots/history/extractor.csv")
RESUME = Path(".resume/train_extractor.pt")


def main() -> None:
    with reporting("train_extractor"):
        run, settings = read_params(PARAMS, "train", "train_extractor")
        run, settings = build(RunSettings, run, "train"), build(Settings, settings, "train_extractor")
        device = set_up_torch(run.threads)
        clips = join_splits(read_clips(CLIPS, "clip", "emotion"), read_splits(SPLITS))
        model = Extractor.train(RAVDESS_AudioDataset.from_cache(MEL, clips), settings, run, device, RESUME)
        model.save(MODEL)
        write_table(model.history, HISTORY)
        RESUME.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
