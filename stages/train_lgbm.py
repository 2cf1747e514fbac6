"""Train LightGBM on the embeddings: data/embeddings.pt, models/extractor → models/hybrid/ and its predictions."""

from pathlib import Path

from ser.corpora.clip_table import read_clips, read_splits
from ser.data.fixed_length import RAVDESS_AudioDataset
from ser.data.tables import join_splits
from ser.evaluation.predictions import write_predictions
from ser.models.extractor import Extractor
from ser.models.hybrid import Hybrid
from ser.storage.errors import reporting
from ser.storage.params import build, read_params
from ser.training.boosting import BoostingSettings

PARAMS = Path("params.yaml")
CLIPS = Path("data/clips.csv")
SPLITS = Path("data/splits.csv")
EMBEDDINGS = Path("data/embeddings.pt")
EXTRACTOR = Path("models/extractor")
MODEL = Path("models/hybrid")
PREDICTIONS = Path("data/predictions/hybrid.csv")


def main() -> None:
    with reporting("train_lgbm"):
        settings = build(BoostingSettings, read_params(PARAMS, "train_lgbm"), "train_lgbm")
        clips = join_splits(read_clips(CLIPS, "clip", "emotion"), read_splits(SPLITS))
        dataset = RAVDESS_AudioDataset.from_cache(EMBEDDINGS, clips)
        model = Hybrid.train(dataset, settings)
        model.save(MODEL, Extractor.load(EXTRACTOR))
        write_predictions(clips, model.probabilities(dataset.features), PREDICTIONS)


if __name__ == "__main__":
    main()
