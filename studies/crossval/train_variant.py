"""Train a variant of CompactNet and keep only its predictions of validation clips → runs/variants/<variant>/."""

import argparse
from pathlib import Path

import torch

from ser.data.own_length import OwnLengthClips
from ser.evaluation.fold_predictions import write_run
from ser.models.compact import Compact, Settings
from ser.storage.dotted import override
from ser.storage.errors import reporting
from ser.storage.params import ParamsError, build, read_params, read_value
from ser.training.runtime import RunSettings, set_up_torch
from studies.run import Run, seed

PARAMS = Path("params.yaml")
CROSSVAL_PARAMS = Path("studies/crossval/params.yaml")
LOGMEL = Path("data/features/logmel.pt")
RUNS = Path("studies/crossval/runs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variant", help=f"a key of `variants` in {CROSSVAL_PARAMS}")
    parser.add_argument("fold", type=int, help="of Luna-Jiménez's folds")
    parser.add_argument("seed", type=seed)
    arguments = parser.parse_args()
    with reporting("train_variant"):
        run, settings = Run("luna", arguments.fold, arguments.seed), read_variant(arguments.variant)
        shared = RunSettings(run.seed, read_value(CROSSVAL_PARAMS, "threads.compact", int))
        device = set_up_torch(shared.threads)
        clips = run.clips()
        dataset = OwnLengthClips.from_cache(LOGMEL, clips)
        train, val = (dataset[torch.tensor((clips["split"] == part).to_numpy())] for part in ("train", "val"))
        logits = Compact.train(train, val, settings, shared, device).logits(dataset)
        write_run(RUNS / "variants" / arguments.variant / f"{run.fold}-{run.seed}.csv", clips, logits, parts=("val",))


def read_variant(name: str) -> Settings:
    """Return CompactNet's settings with a variant's changes; ValueError names an unknown variant or key."""
    variants, values = read_params(CROSSVAL_PARAMS, "variants"), read_params(PARAMS, "train_compact")
    if name not in variants:
        raise ValueError(f"{CROSSVAL_PARAMS}: has no variant {name!r}; variants are {sorted(variants)}")
    try:
        return build(Settings, override(values, variants[name]), "train_compact")
    except KeyError as error:
        raise ParamsError(f"{CROSSVAL_PARAMS}: variants.{name}: {error.args[0]} is no key of train_compact") from None


if __name__ == "__main__":
    main()
