"""Train LightGBM on one fold: embeddings/<encoder> → runs/<protocol>/<encoder>_lgbm/<fold>-<seed>.*."""

from pathlib import Path

from ser.data.embeddings import EmbeddedClips
from ser.evaluation.fold_predictions import join_logits, write_run
from ser.models.boosted import BoostedHead
from ser.storage.errors import reporting
from ser.storage.params import build, read_params
from ser.training.boosting import BoostingSettings
from studies.encoders.head_run import HeadRun

PARAMS = Path("studies/encoders/params.yaml")
EMBEDDINGS = Path("studies/encoders/embeddings")


def main() -> None:
    head = HeadRun.from_arguments(__doc__)
    with reporting("train_lgbm"):
        values, speeds = read_params(PARAMS, "train_lgbm", "speeds")
        settings = build(BoostingSettings, values | {"seed": head.run.seed}, "train_lgbm", str(PARAMS))
        clips = head.run.clips()
        embedded = EmbeddedClips.read(head.copies(EMBEDDINGS, speeds), clips)
        train, val, known = (embedded.part(*parts).stacked() for parts in (("train",), ("val",), ("train", "val")))
        validated = BoostedHead.train(train, val, settings)
        tested = BoostedHead.train_trees(known, settings, validated.trees)
        logits = join_logits(clips, *(embedded.predict(trees.logits) for trees in (validated, tested)))
        write_run(head.path("lgbm"), clips, logits, trees=validated.trees)


if __name__ == "__main__":
    main()
