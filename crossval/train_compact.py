"""Train CompactNet on one fold: data/features/logmel.pt → crossval/runs/<protocol>/compact/<fold>-<seed>.{csv,json}."""

from crossval.compact import train_compact
from crossval.runs import Run, join_logits, write_run
from stages.ser.errors import reporting


def main() -> None:
    run = Run.from_arguments(__doc__)
    with reporting("train_compact"):
        clips = run.clips()
        validated, tested = (train_compact(clips, run.seed, {}, parts) for parts in (("train",), ("train", "val")))
        write_run(run.path("compact"), clips, join_logits(clips, validated, tested))


if __name__ == "__main__":
    main()
