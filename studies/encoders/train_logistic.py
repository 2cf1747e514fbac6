"""Train logistic regression on one fold: embeddings/<encoder> → runs/<protocol>/<encoder>/<fold>-<seed>.*."""

from pathlib import Path

from ser.data.embeddings import EmbeddedClips
from ser.evaluation.fold_predictions import join_logits, write_run
from ser.models.logistic import LogisticHead, LogisticSettings
from ser.storage.errors import reporting
from ser.storage.params import build, read_params
from studies.encoders.head_run import HeadRun

PARAMS = Path("studies/encoders/params.yaml")
EMBEDDINGS = Path("studies/encoders/embeddings")


def main() -> None:
    head = HeadRun.from_arguments(__doc__)
    with reporting("train_logistic"):
        values, speeds = read_params(PARAMS, "train_logistic", "speeds")
        settings = build(LogisticSettings, values, "train_logistic", str(PARAMS))
        clips = head.run.clips()
        embedded = EmbeddedClips.read(head.copies(EMBEDDINGS, speeds), clips)
        validated, tested = (
            embedded.predict(LogisticHead.train(*embedded.part(*parts).stacked(), settings).logits)
            for parts in (("train",), ("train", "val"))
        )
        write_run(head.path(), clips, join_logits(clips, validated, tested))


if __name__ == "__main__":
    main()
