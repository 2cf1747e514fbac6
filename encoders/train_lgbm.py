"""Train LightGBM on one fold: encoders/embeddings → crossval/runs/<protocol>/<model>_lgbm/<fold>-<seed>.*."""

from pathlib import Path

from crossval.runs import Run, join_logits, write_run
from encoders.boosted import fit_stopped, fit_trees
from encoders.copies import EmbeddedClips
from stages.ser.boosting import BoostingSettings
from stages.ser.errors import reporting
from stages.ser.params import build, read_params

PARAMS = Path("encoders/params.yaml")


def main() -> None:
    run = Run.from_arguments(__doc__)
    with reporting("train_lgbm"):
        values, runs, speeds = read_params(PARAMS, "train_lgbm", "runs", "speeds")
        settings = build(BoostingSettings, values | {"seed": run.seed}, "train_lgbm", str(PARAMS))
        clips = run.clips()
        embedded = EmbeddedClips.read(speeds, clips)
        train, val, known = (embedded.part(*parts).stacked() for parts in (("train",), ("val",), ("train", "val")))
        validated, trees = fit_stopped(train, val, settings)
        tested = fit_trees(known, settings, trees)
        logits = join_logits(clips, *(embedded.predict(head) for head in (validated, tested)))
        write_run(run.path(f"{runs['model']}_lgbm"), clips, logits, trees=trees)


if __name__ == "__main__":
    main()
