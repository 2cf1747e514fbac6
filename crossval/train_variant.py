"""Train a variant of CompactNet and keep only what it says of validation clips → crossval/runs/variants/<variant>/."""

import argparse
from pathlib import Path

from crossval.compact import train_compact
from crossval.runs import RUNS, Run, write_run
from stages.ser.errors import reporting
from stages.ser.params import read_params

PARAMS = Path("crossval/params.yaml")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variant", help="a key of `variants` in crossval/params.yaml")
    parser.add_argument("fold", type=int, help="of Luna-Jiménez's folds")
    parser.add_argument("seed", type=int)
    arguments = parser.parse_args()
    with reporting("train_variant"):
        variants = read_params(PARAMS, "variants")
        if arguments.variant not in variants:
            raise ValueError(f"{PARAMS}: has no variant {arguments.variant!r}; variants are {sorted(variants)}")
        run = Run("luna", arguments.fold, arguments.seed, permuted=False)
        clips = run.clips()
        logits = train_compact(clips, run.seed, variants[arguments.variant])
        path = RUNS / "variants" / arguments.variant / f"{run.fold}-{run.seed}.csv"
        write_run(path, clips, logits, parts=("val",))


if __name__ == "__main__":
    main()
