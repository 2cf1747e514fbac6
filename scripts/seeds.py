"""Repeat the pipeline with several seeds, each the DVC experiment seed-N, which leaves the workspace alone."""

import argparse
import subprocess

from dvc.exceptions import DvcException

from scripts.checkout import require_ascii_cache, require_history
from scripts.children import dvc
from scripts.projects import ROOT
from ser.storage.errors import reporting

SEEDED = ("split", "train", "train_lgbm")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seeds", type=int, nargs="+")
    seeds = parser.parse_args().seeds
    try:
        require_history(ROOT)
        require_ascii_cache(ROOT)
        for seed in seeds:
            run(seed)
    except (OSError, ValueError, DvcException, subprocess.CalledProcessError) as error:
        raise SystemExit(f"seeds: {error}") from None


def run(seed: int) -> None:
    """Run one seed, in place of its experiment before."""
    name = f"seed-{seed}"
    dvc(ROOT, "exp", "remove", "--quiet", name, check=False, stderr=subprocess.DEVNULL)
    settings = [argument for section in SEEDED for argument in ("-S", f"{section}.seed={seed}")]
    dvc(ROOT, "exp", "run", "--temp", "--name", name, *settings)


if __name__ == "__main__":
    with reporting("seeds"):
        main()
