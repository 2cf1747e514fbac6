"""Train logistic regression on one fold: encoders/embeddings → crossval/runs/<protocol>/<model>/<fold>-<seed>.*."""

from pathlib import Path

import numpy as np

from crossval.runs import Run, join_logits, write_run
from encoders.copies import labels_of, load_embeddings, predict_copies, stack_copies
from encoders.logistic import LogisticSettings, fit_logistic
from stages.ser.errors import reporting
from stages.ser.params import build, read_params

PARAMS = Path("encoders/params.yaml")
EMBEDDINGS = Path("encoders/embeddings")


def main() -> None:
    run = Run.from_arguments(__doc__)
    with reporting("train_logistic"):
        values, runs, speeds = read_params(PARAMS, "train_logistic", "runs", "speeds")
        settings = build(LogisticSettings, values, "train_logistic", str(PARAMS))
        clips = run.clips()
        embeddings = load_embeddings([EMBEDDINGS / f"{copy}.pt" for copy in speeds], clips["clip"])
        features = embeddings.reshape(*embeddings.shape[:2], -1)
        labels, split = labels_of(clips), clips["split"].to_numpy()
        validated, tested = (
            predict_copies(features, fit_logistic(*stack_copies(features, labels, np.isin(split, parts)), settings))
            for parts in (["train"], ["train", "val"])
        )
        write_run(run.path(runs["model"]), clips, join_logits(clips, validated, tested))


if __name__ == "__main__":
    main()
