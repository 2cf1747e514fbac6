"""Runs of several models on the same folds, fused by weights that are fitted on each fold's validation clips."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from ser.corpora.emotions import EMOTION_INDEX
from ser.evaluation.fold_predictions import write_run
from ser.evaluation.late_fusion import fit_weights
from ser.evaluation.runs import log_probabilities, read_runs

PARTS = ("val", "test")


def fuse_runs(members: dict[str, Path], target: Path) -> None:
    """Write a run to the folder `target` for each fold and seed of the members, which are folders of runs by name."""
    tables = {
        name: pd.concat([read_runs(folder, part).assign(split=part) for part in PARTS])
        for name, folder in members.items()
    }
    for fold, seed in runs_of(tables):
        clips, logs = beside_each_other({name: choose(table, fold, seed) for name, table in tables.items()})
        val = (clips["split"] == "val").to_numpy()
        weights = fit_weights(logs[:, val], clips.loc[val, "emotion"].map(EMOTION_INDEX).to_numpy())
        logits = torch.from_numpy(np.tensordot(weights, logs, axes=1))
        shares = dict(zip(members, weights.tolist(), strict=True))
        write_run(target / f"{fold}-{seed}.csv", clips, logits, weights=shares)


def runs_of(tables: dict[str, pd.DataFrame]) -> list[tuple[int, int]]:
    """Return the folds and seeds to fuse: all of the member with the most seeds.

    A member with one seed is fused with every seed of the others. ValueError lists the missing runs.
    """
    pairs = {name: set(zip(table["fold"], table["seed"], strict=True)) for name, table in tables.items()}
    wanted = max(pairs.values(), key=len)
    problems = []
    for name, have in pairs.items():
        several = len({seed for _, seed in have}) > 1
        lacking = wanted - have if several else {fold for fold, _ in wanted} - {fold for fold, _ in have}
        problems += [f"{name} lacks {sorted(lacking)}"] if lacking else []
    if problems:
        raise ValueError(f"{'; '.join(problems)}. `make results` runs what is missing.")
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
    differing = [name for name in others if set(tables[name]["clip"]) != set(tables[first]["clip"])]
    if differing:
        raise ValueError(f"{differing} have other clips than {first!r}: rerun them on these folds")
    ordered = (table.set_index(["clip", "split", "emotion"]).loc[clips.index] for table in tables.values())
    return clips.index.to_frame(index=False), np.stack([log_probabilities(table) for table in ordered])
