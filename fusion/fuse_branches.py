"""Fuse branches by weights fitted on other speakers, an example: branch files → fusion/metrics/example.json."""

import argparse
import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.special import log_softmax

from fusion.branches import read_about, read_branch, read_column
from ser.corpora.emotions import EMOTION_INDEX, EMOTIONS
from ser.evaluation.calibration import calibration_error
from ser.evaluation.fold_predictions import DIGITS
from ser.evaluation.late_fusion import fit_weights
from ser.evaluation.recall import uar
from ser.evaluation.statistics import compare_pairs, confusion_counts, over_units
from ser.storage.errors import reporting
from ser.storage.files import write_json
from ser.storage.params import build, check, read_params

PARAMS = Path("fusion/params.yaml")
METRICS = Path("fusion/metrics/example.json")
FUSED = "fused"
SHARED = ("utterance", "speaker", "emotion")
GAIN = ["difference", "low", "high", "p"]


@dataclasses.dataclass(frozen=True)
class FusionSettings:
    """How the speakers fall into two halves."""

    seed: int

    def __post_init__(self) -> None:
        check(self.seed >= 0, "seed", self.seed, "0 or more")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("branches", type=Path, nargs="+", help="Parquet files, each of another modality")
    paths = parser.parse_args().branches
    with reporting("fuse_branches"):
        settings = build(FusionSettings, read_params(PARAMS, "fuse_branches"), "fuse_branches", str(PARAMS))
        metrics = evaluate(read_branches(paths), settings.seed)
        write_json(metrics, METRICS, DIGITS)
        print(tabulate(metrics).to_string(index=False))


def evaluate(branches: dict[str, pa.Table], seed: int) -> dict[str, dict]:
    """Return the figures of the fused branches, and of each branch on the labelled utterances that it has."""
    utterances, logs, present = align(branches)
    labelled = utterances["emotion"].notna().to_numpy()
    utterances, logs, present = utterances[labelled], logs[:, labelled], present[:, labelled]
    speakers, labels = utterances["speaker"].to_numpy(), utterances["emotion"].map(EMOTION_INDEX).to_numpy()
    fused, weights = cross_fuse(logs, labels, second_half(speakers, seed))
    metrics = {FUSED: score(fused, labels, speakers)}
    metrics[FUSED]["weights"] = [dict(zip(branches, half, strict=True)) for half in weights.tolist()]
    for (name, table), own, there in zip(branches.items(), logs, present, strict=True):
        metrics[name] = score(own[there], labels[there], speakers[there])
        metrics[name]["simulated"] = read_about(table)["simulated"]
        metrics[name]["gain"] = gain_of(fused[there], own[there], labels[there], speakers[there])
    return metrics


def read_branches(paths: list[Path]) -> dict[str, pa.Table]:
    """Return the branches by their modality; ValueError names two files of one."""
    branches: dict[str, pa.Table] = {}
    for path in paths:
        table = read_branch(path)
        modality = read_about(table)["modality"]
        if modality in (FUSED, *branches):
            raise ValueError(f"{path}: modality is {modality!r}, which is taken: give each branch its own")
        branches[modality] = table
    return branches


def align(branches: dict[str, pa.Table]) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Return utterance, speaker and emotion of all that any branch has, log-probabilities and which branch has them.

    log-probabilities: (branch, utterance, emotions), all equal where a branch lacks the utterance, so that it changes
    nothing whatever its weight; presence: (branch, utterance), bool. An emotion is that of the branches that have
    labels. ValueError names utterances whose speakers or labels differ.
    """
    known = pd.concat([table.select(SHARED).to_pandas() for table in branches.values()]).groupby("utterance")
    differing = known[["speaker", "emotion"]].nunique().max(axis=1) > 1
    if differing.any():
        names = differing.index[differing].tolist()
        raise ValueError(f"{list(branches)}: {len(names)} utterances have two speakers or labels, first {names[:5]}")
    utterances = known.first().reset_index()
    logs = np.full((len(branches), len(utterances), len(EMOTIONS)), -np.log(len(EMOTIONS)))
    present = np.zeros(logs.shape[:2], dtype=bool)
    index = pd.Index(utterances["utterance"])
    for branch, table in enumerate(branches.values()):
        rows = index.get_indexer(read_column(table, "utterance"))
        logs[branch, rows], present[branch, rows] = read_column(table, "log_probabilities"), True
    return utterances, logs, present


def second_half(speakers: np.ndarray, seed: int) -> np.ndarray:
    """Return for each row whether its speaker falls into the second of two halves, drawn at random."""
    names = np.unique(speakers)
    if len(names) < 2:
        raise ValueError(f"labelled utterances are of the speakers {names.tolist()}; weights need two or more")
    return np.isin(speakers, np.random.default_rng(seed).permutation(names)[len(names) // 2 :])


def cross_fuse(logs: np.ndarray, labels: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return fused log-probabilities (row, emotions) and the weights (half, branch) that each half was fused with.

    Each half of the speakers is fused with weights fitted on the other, so never on what they are scored on.
    """
    fused, weights = np.empty(logs.shape[1:]), np.empty((2, len(logs)))
    for half in (0, 1):
        scored = second == half
        weights[half] = fit_weights(logs[:, ~scored], labels[~scored])
        fused[scored] = log_softmax(np.tensordot(weights[half], logs[:, scored], axes=1), axis=1)
    return fused, weights


def score(logs: np.ndarray, labels: np.ndarray, speakers: np.ndarray) -> dict[str, object]:
    """Return the UAR with its interval over speakers, the calibration error, and of how many utterances they are."""
    figures = over_units(count(logs, labels, speakers), uar)
    return {
        "uar": {name: figures[name] for name in ("mean", "low", "high")},
        "ece": calibration_error(np.exp(logs.max(axis=1)), logs.argmax(axis=1) == labels),
        "utterances": len(labels),
    }


def gain_of(fused: np.ndarray, own: np.ndarray, labels: np.ndarray, speakers: np.ndarray) -> dict[str, float]:
    """Return by how much the UAR of the fused branches exceeds that of one, on the utterances that it has."""
    pair = {FUSED: count(fused, labels, speakers), "own": count(own, labels, speakers)}
    return compare_pairs(pair)[GAIN].to_dict("records")[0]


def count(logs: np.ndarray, labels: np.ndarray, speakers: np.ndarray) -> np.ndarray:
    """Count rows as (1, speaker, actual, predicted)."""
    return confusion_counts(np.zeros(len(labels)), speakers, labels, logs.argmax(axis=1), len(EMOTIONS))


def tabulate(metrics: dict[str, dict]) -> pd.DataFrame:
    """Return the figures as text, a row a branch, the fused ones last."""
    rows = []
    for name in [*(name for name in metrics if name != FUSED), FUSED]:
        scores, gain = metrics[name], metrics[name].get("gain")
        row = {"branch": f"{name}, simulated" if scores.get("simulated") else name, "utterances": scores["utterances"]}
        row["UAR"] = "{mean:.3f} [{low:.3f}, {high:.3f}]".format(**scores["uar"])
        row["ECE"] = f"{scores['ece']:.3f}"
        row["fusion adds"] = "{difference:.3f} [{low:.3f}, {high:.3f}]".format(**gain) if gain else ""
        rows.append(row)
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
