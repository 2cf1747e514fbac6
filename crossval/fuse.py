"""Fuse models by weights fitted on validation clips: crossval/runs/<protocol>/<model> → runs/<protocol>/fused."""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.optimize import minimize
from scipy.special import log_softmax

from crossval.runs import RUNS, log_probabilities, read_runs, write_run
from stages.ser.emotions import EMOTION_INDEX
from stages.ser.errors import reporting
from stages.ser.params import read_params

PARAMS = Path("crossval/params.yaml")
MODEL = "fused"
PARTS = ("val", "test")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("protocol", help="a folder in crossval/runs")
    protocol = parser.parse_args().protocol
    with reporting("fuse"):
        fuse(protocol, read_params(PARAMS, "fusion")["members"])


def fuse(protocol: str, members: list[str]) -> None:
    """Write a run for each fold and seed of the members."""
    tables = {
        member: pd.concat([read_runs(protocol, member, part).assign(split=part) for part in PARTS])
        for member in members
    }
    for fold, seed in runs_of(tables):
        clips, logs = beside_each_other({name: choose(table, fold, seed) for name, table in tables.items()})
        val = (clips["split"] == "val").to_numpy()
        weights = fit_weights(logs[:, val], clips.loc[val, "emotion"].map(EMOTION_INDEX).to_numpy())
        logits = torch.from_numpy(np.tensordot(weights, logs, axes=1))
        shares = dict(zip(members, weights.tolist(), strict=True))
        write_run(RUNS / protocol / MODEL / f"{fold}-{seed}.csv", clips, logits, weights=shares)


def runs_of(tables: dict[str, pd.DataFrame]) -> list[tuple[int, int]]:
    """Return the folds and seeds to fuse: all of the member with the most seeds.

    A member with a single seed stands beside every seed of the others; ValueError lists other runs that lack.
    """
    pairs = {name: set(zip(table["fold"], table["seed"], strict=True)) for name, table in tables.items()}
    wanted = max(pairs.values(), key=len)
    problems = []
    for name, have in pairs.items():
        several = len({seed for _, seed in have}) > 1
        lacking = wanted - have if several else {fold for fold, _ in wanted} - {fold for fold, _ in have}
        problems += [f"{name} lacks {sorted(lacking)}"] if lacking else []
    if problems:
        raise ValueError(f"{RUNS}: {'; '.join(problems)}. Run `dvc repro` in crossval/ or encoders/.")
    return sorted(wanted)


def choose(table: pd.DataFrame, fold: int, seed: int) -> pd.DataFrame:
    """Return the rows of a member's run with this seed, or with its only one."""
    return table[(table["fold"] == fold) & (table["seed"].isin([seed]) | (table["seed"].nunique() == 1))]


def beside_each_other(tables: dict[str, pd.DataFrame]) -> tuple[pd.DataFrame, np.ndarray]:
    """Return clip, split and emotion of a fold's clips, and log-probabilities (member, clip, emotions) in their order.

    ValueError names members that have other clips than the first.
    """
    first, *others = tables
    clips = tables[first].set_index(["clip", "split", "emotion"])
    strangers = [name for name in others if set(tables[name]["clip"]) != set(tables[first]["clip"])]
    if strangers:
        raise ValueError(f"{RUNS}: {strangers} have other clips than {first!r}: rerun them on these folds")
    ordered = (table.set_index(["clip", "split", "emotion"]).loc[clips.index] for table in tables.values())
    return clips.index.to_frame(index=False), np.stack([log_probabilities(table) for table in ordered])


def fit_weights(logs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the weights, none negative, of log-probabilities (member, clip, emotions) that make labels most likely.

    A logarithmic opinion pool (Hinton 1999): their sum, normalised, is the fused probability. As the weights need not
    sum to one, they set its temperature, too.
    """

    def loss(weights: np.ndarray) -> float:
        fused = log_softmax(np.tensordot(weights, logs, axes=1), axis=1)
        return -float(np.take_along_axis(fused, labels[:, None], axis=1).mean())

    return minimize(loss, np.full(len(logs), 1 / len(logs)), bounds=[(0, None)] * len(logs), method="L-BFGS-B").x


if __name__ == "__main__":
    main()
