"""Train logistic regression on one fold: encoders/embeddings → crossval/runs/<protocol>/<model>/<fold>-<seed>.*."""

from pathlib import Path

from crossval.runs import Run, join_logits, write_run
from encoders.copies import EmbeddedClips
from encoders.logistic import LogisticSettings, fit_logistic
from stages.ser.errors import reporting
from stages.ser.params import build, read_params

PARAMS = Path("encoders/params.yaml")


def main() -> None:
    run = Run.from_arguments(__doc__)
    with reporting("train_logistic"):
        values, runs, speeds = read_params(PARAMS, "train_logistic", "runs", "speeds")
        settings = build(LogisticSettings, values, "train_logistic", str(PARAMS))
        clips = run.clips()
        embedded = EmbeddedClips.read(speeds, clips)
        validated, tested = (
            embedded.predict(fit_logistic(*embedded.part(*parts).stacked(), settings))
            for parts in (("train",), ("train", "val"))
        )
        write_run(run.path(runs["model"]), clips, join_logits(clips, validated, tested))


if __name__ == "__main__":
    main()
