"""Train LightGBM on the embeddings: data/embeddings.pt → models/lgbm.txt and the hybrid's predictions."""

from pathlib import Path

from stages.ser.boosting import BoostingSettings, train_boosting
from stages.ser.dataset import RAVDESS_AudioDataset, class_weights, join_splits
from stages.ser.emotions import EMOTIONS
from stages.ser.errors import reporting
from stages.ser.files import read_table, replacing, write_json
from stages.ser.params import build, read_params
from stages.ser.predictions import write_predictions

PARAMS = Path("params.yaml")
CLIPS = Path("data/clips.csv")
SPLITS = Path("data/splits.csv")
EMBEDDINGS = Path("data/embeddings.pt")
MODEL = Path("models/lgbm.txt")
PREDICTIONS = Path("data/predictions/hybrid.csv")


def main() -> None:
    with reporting("train_lgbm"):
        settings = build(BoostingSettings, read_params(PARAMS, "train_lgbm"), "train_lgbm")
        clips = join_splits(read_table(CLIPS, ("clip", "emotion")), read_table(SPLITS, ("clip", "split")))
        dataset = RAVDESS_AudioDataset.from_cache(EMBEDDINGS, clips)
        train, val = dataset.part("train"), dataset.part("val")
        model = train_boosting(
            (train.features.numpy(), train.labels.numpy()),
            (val.features.numpy(), val.labels.numpy()),
            class_weights(train.labels, len(EMOTIONS)).numpy(),
            settings,
        )
        with replacing(MODEL) as temporary:
            model.booster_.save_model(temporary)
        write_json({"best_iteration": model.best_iteration_, "emotions": EMOTIONS}, MODEL.with_suffix(".json"))
        write_predictions(clips, model.predict_proba(dataset.features.numpy()), PREDICTIONS)


if __name__ == "__main__":
    main()
