"""Train logistic regression, test it in all conditions: embeddings → runs/<encoder>_<form>/<fold>, clean_runs."""

import argparse
from pathlib import Path

import torch

from ser.data.embeddings import EmbeddedClips
from ser.models.logistic import LogisticHead, LogisticSettings
from ser.storage.errors import reporting
from ser.storage.params import build, read_params, read_value
from studies.outside.conditions.outcome import CLEAN, read_accuracy, read_conditions, write_outcome
from studies.outside.conditions.settings import EMBEDDINGS, PARAMS, training_copies
from studies.run import Run

ENCODERS = Path("studies/encoders")
ORIGINAL = "original"
CLEAN_COPIES = (ORIGINAL, "slower", "faster")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("encoder", help=f"a folder in {EMBEDDINGS}")
    parser.add_argument(
        "form", choices=("plain", "robust"), help="robust: disturbed copies of the clips are learned too"
    )
    parser.add_argument("fold", type=int, help="of Luna-Jiménez's")
    arguments = parser.parse_args()
    with reporting("train_encoder"):
        values = read_params(ENCODERS / "params.yaml", "train_logistic")
        settings = build(LogisticSettings, values, "train_logistic", str(ENCODERS / "params.yaml"))
        clips = Run("luna", arguments.fold, 1).clips()
        clean = [ENCODERS / "embeddings" / arguments.encoder / f"{name}.pt" for name in CLEAN_COPIES]
        folder = EMBEDDINGS / arguments.encoder
        count = read_value(PARAMS, "copies.encoder", int) if arguments.form == "robust" else 0
        disturbed = [folder / f"{name}.pt" for name in training_copies(count)]
        tested = {CLEAN: clean[0]} | {name: folder / f"{name}.pt" for name in read_conditions()}

        learned = EmbeddedClips.read([*clean, *disturbed], clips)
        validated, known = (
            LogisticHead.train(*learned.part(*parts).stacked(), settings) for parts in (("train",), ("train", "val"))
        )

        def logits(head: LogisticHead, path: Path, part: str) -> torch.Tensor:
            return EmbeddedClips.read([path], clips).part(part).predict(head.logits)

        write_outcome(
            f"{arguments.encoder}_{arguments.form}",
            arguments.fold,
            clips,
            {name: logits(known, path, "test") for name, path in tested.items()},
            [logits(validated, path, "val") for path in (clean[0], *disturbed)],
            read_accuracy(),
        )


if __name__ == "__main__":
    main()
