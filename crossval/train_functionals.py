"""Train LightGBM on functionals alone: logmel.pt → crossval/runs/<protocol>/functionals/<fold>-<seed>.{csv,json}."""

from crossval.boosted import boost, read_functionals
from crossval.runs import Run, write_run
from stages.ser.errors import reporting


def main() -> None:
    run = Run.from_arguments(__doc__)
    with reporting("train_functionals"):
        clips = run.clips()
        scores, trees = boost(read_functionals(clips), clips, run.seed)
        write_run(run.path("functionals"), clips, scores, trees=trees)


if __name__ == "__main__":
    main()
