"""Trains CompactNet without the speakers of one fold's test, and writes its bundle; prints whom it has not heard."""

import argparse
import json
from pathlib import Path

import pandas as pd

from ser.bundles.build_compact import build_compact
from ser.bundles.bundle import write_bundle
from ser.data.own_length import OwnLengthClips
from ser.models.compact import Compact, Settings
from ser.storage.params import build, read_params
from ser.training.runtime import RunSettings, set_up_torch

SEED, FOLD = 1, "1"
FOLDS = Path("studies/crossval/folds/luna.csv")
METRICS = Path("release/metrics/compact.json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder of the bundle")
    arguments = parser.parse_args()
    clips = pd.read_csv("data/clips.csv").merge(pd.read_csv(FOLDS)[["clip", FOLD]], on="clip")
    heard = clips[FOLD] != "test"
    settings, run = (
        build(Settings, read_params(Path("params.yaml"), "train_compact"), "train_compact"),
        RunSettings(SEED, 1),
    )
    dataset = OwnLengthClips.from_cache(Path("data/features/logmel.pt"), clips[heard])
    model = Compact.train(dataset, None, settings, run, set_up_torch(run.threads))
    metrics = json.loads(METRICS.read_text(encoding="utf-8"))
    facts = {"figures": {}, "min_confidence": metrics["min_confidence"], "temperature": metrics["temperature"]}
    write_bundle(arguments.out, "compact", build_compact(model, metrics["temperature"]), facts, "{}\n".format)
    print(json.dumps({"unheard_actors": sorted(map(int, clips.loc[~heard, "actor"].unique()))}))


if __name__ == "__main__":
    main()
