"""Train CompactNet on one fold: data/features/logmel.pt → crossval/runs/<protocol>/compact/<fold>-<seed>.{csv,json}."""

from crossval.compact import train_compact
from crossval.runs import Run, write_run
from stages.ser.errors import reporting


def main() -> None:
    run = Run.from_arguments(__doc__)
    with reporting("train_compact"):
        clips = run.clips()
        write_run(run.path("compact"), clips, train_compact(clips, run.seed, changes={}))


if __name__ == "__main__":
    main()
