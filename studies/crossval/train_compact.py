"""Train CompactNet on one fold: data/features/logmel.pt → studies/crossval/runs/<protocol>/compact/<fold>-<seed>.*."""

from pathlib import Path

import torch

from ser.data.own_length import OwnLengthClips
from ser.evaluation.fold_predictions import join_logits, write_run
from ser.models.compact import Compact, Settings
from ser.storage.errors import reporting
from ser.storage.params import build, read_params, read_value
from ser.training.runtime import RunSettings, set_up_torch
from studies.run import Run

PARAMS = Path("params.yaml")
CROSSVAL_PARAMS = Path("studies/crossval/params.yaml")
LOGMEL = Path("data/features/logmel.pt")
RUNS = Path("studies/crossval/runs")


def main() -> None:
    run = Run.from_arguments(__doc__)
    with reporting("train_compact"):
        settings = build(Settings, read_params(PARAMS, "train_compact"), "train_compact")
        shared = RunSettings(run.seed, read_value(CROSSVAL_PARAMS, "threads.compact", int))
        device = set_up_torch(shared.threads)
        clips = run.clips()
        dataset = OwnLengthClips.from_cache(LOGMEL, clips)
        val, known = (torch.tensor((clips["split"].isin(parts)).to_numpy()) for parts in (["val"], ["train", "val"]))
        validated, tested = (
            Compact.train(dataset[rows], dataset[val], settings, shared, device).logits(dataset)
            for rows in (known & ~val, known)
        )
        write_run(run.path(RUNS, "compact"), clips, join_logits(clips, validated, tested))


if __name__ == "__main__":
    main()
