"""Train LightGBM on one fold: encoders/embeddings → crossval/runs/<protocol>/<model>_lgbm/<fold>-<seed>.*."""

from pathlib import Path

from crossval.runs import Run, join_logits, write_run
from encoders.boosted import fit_stopped, fit_trees
from encoders.copies import labels_of, load_embeddings, predict_copies, stack_copies
from stages.ser.boosting import BoostingSettings
from stages.ser.errors import reporting
from stages.ser.params import build, read_params

PARAMS = Path("encoders/params.yaml")
EMBEDDINGS = Path("encoders/embeddings")


def main() -> None:
    run = Run.from_arguments(__doc__)
    with reporting("train_lgbm"):
        values, runs, speeds = read_params(PARAMS, "train_lgbm", "runs", "speeds")
        settings = build(BoostingSettings, values | {"seed": run.seed}, "train_lgbm", str(PARAMS))
        clips = run.clips()
        embeddings = load_embeddings([EMBEDDINGS / f"{copy}.pt" for copy in speeds], clips["clip"])
        features = embeddings.reshape(*embeddings.shape[:2], -1)
        labels, split = labels_of(clips), clips["split"].to_numpy()
        train, val, known = (
            stack_copies(features, labels, rows) for rows in (split == "train", split == "val", split != "test")
        )
        validated, trees = fit_stopped(train, val, settings)
        tested = fit_trees(known, settings, trees)
        logits = join_logits(clips, *(predict_copies(features, head) for head in (validated, tested)))
        write_run(run.path(f"{runs['model']}_lgbm"), clips, logits, trees=trees)


if __name__ == "__main__":
    main()
