"""Train CompactNet, test it in all conditions: log-mel → runs/compact_<form>/<fold>, clean_runs."""

import argparse
from pathlib import Path

import torch

from ser.data.drawn_copies import DrawnCopies
from ser.data.own_length import OwnLengthClips
from ser.models.compact import Compact, Settings
from ser.models.robust import train_robust
from ser.storage.errors import reporting
from ser.storage.params import build, read_params, read_value
from ser.training.runtime import RunSettings, set_up_torch
from studies.outside.conditions.outcome import CLEAN, read_accuracy, read_conditions, write_outcome
from studies.outside.conditions.settings import LOGMEL, PARAMS, training_copies
from studies.run import Run

TRAINING_PARAMS = Path("params.yaml")
ORIGINAL = Path("data/features/logmel.pt")
RESUME = Path(".resume")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "form", choices=("plain", "robust"), help="robust: disturbed copies of the clips are learned too"
    )
    parser.add_argument("fold", type=int, help="of Luna-Jiménez's")
    arguments = parser.parse_args()
    with reporting("train_compact"):
        settings = build(Settings, read_params(TRAINING_PARAMS, "train_compact"), "train_compact")
        run = RunSettings(*(read_value(PARAMS, f"train_compact.{name}", int) for name in ("seed", "threads")))
        device = set_up_torch(run.threads)
        clips = Run("luna", arguments.fold, run.seed).clips()
        clean = OwnLengthClips.from_cache(ORIGINAL, clips)
        count = read_value(PARAMS, "copies.compact", int) if arguments.form == "robust" else 0
        disturbed = [OwnLengthClips.from_cache(LOGMEL / f"{name}.pt", clips) for name in training_copies(count)]
        share = read_value(PARAMS, "train_compact.clean_share", float)
        train, val, test = (torch.tensor((clips["split"] == part).to_numpy()) for part in ("train", "val", "test"))

        def trained(rows: torch.Tensor, part: str) -> Compact:
            if not disturbed:
                return Compact.train(clean[rows], None, settings, run, device, resume[part])
            copies = DrawnCopies(clean, disturbed, share)[rows]
            return train_robust(copies, settings, run, device, resume[part])

        resume = {part: RESUME / f"conditions_{arguments.form}_{arguments.fold}_{part}.pt" for part in ("val", "test")}
        validated, known = trained(train, "val"), trained(train | val, "test")
        tested = {CLEAN: known.logits(clean[test])}
        for name in read_conditions():
            tested[name] = known.logits(OwnLengthClips.from_cache(LOGMEL / f"{name}.pt", clips)[test])
        decided = [validated.logits(copy[val]) for copy in (clean, *disturbed)]
        write_outcome(f"compact_{arguments.form}", arguments.fold, clips, tested, decided, read_accuracy())
        for path in resume.values():
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
