"""One run = one model, fold and seed: the clips that it reads, and the small files that it leaves in git."""

import argparse
import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import recall_score

from crossval.calibration import fit_temperature
from crossval.statistics import confusion_counts
from stages.ser.emotions import EMOTION_INDEX, EMOTIONS
from stages.ser.files import read_table, replacing, write_json

CLIPS = Path("data/clips.csv")
FOLDS = Path("crossval/folds")
RUNS = Path("crossval/runs")
DIGITS = 4  # of probabilities and metrics
SMALLEST = 0.5 * 10**-DIGITS  # stands for a probability that was rounded to 0
COLUMNS = ("clip", "split", "emotion", *EMOTIONS)


@dataclasses.dataclass(frozen=True)
class Run:
    """What the command line of a training names."""

    protocol: str
    fold: int
    seed: int
    permuted: bool

    @classmethod
    def from_arguments(cls, description: str | None) -> "Run":
        parser = argparse.ArgumentParser(description=description)
        parser.add_argument("protocol", help="a table in crossval/folds")
        parser.add_argument("fold", type=int, help="a column of it")
        parser.add_argument("seed", type=int)
        parser.add_argument("--permuted", action="store_true", help="shuffle the labels of train and val: a check")
        return cls(**vars(parser.parse_args()))

    def path(self, model: str) -> Path:
        """Where the run's table stands; its facts stand beside it, as JSON."""
        protocol = f"{self.protocol}_permuted" if self.permuted else self.protocol
        return RUNS / protocol / model / f"{self.fold}-{self.seed}.csv"

    def clips(self) -> pd.DataFrame:
        """Return the clip table with each clip's split in this fold; labels of train and val shuffled if permuted."""
        table = read_table(CLIPS, ("clip", "emotion"))
        folds = read_table(FOLDS / f"{self.protocol}.csv", ("clip", str(self.fold)))
        strangers = sorted(set(table["clip"]) ^ set(folds["clip"]))
        if strangers:
            raise ValueError(f"clips and folds differ in {len(strangers)} clips, first {strangers[:5]}: rerun `folds`")
        table["split"] = table["clip"].map(folds.set_index("clip")[str(self.fold)])
        return permute_labels(table, self.seed) if self.permuted else table


def permute_labels(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Shuffle the emotions of the clips that are not in the test split, among themselves."""
    table, known = table.copy(), table["split"] != "test"
    table.loc[known, "emotion"] = np.random.default_rng(seed).permutation(table.loc[known, "emotion"].to_numpy())
    return table


def join_logits(clips: pd.DataFrame, validated: torch.Tensor, tested: torch.Tensor) -> torch.Tensor:
    """Return the logits (clip, emotions) of a model whose epochs are a setting, so that no split is held back at last.

    Clips of val are taken from the training that saw the split train alone, all others from that on train and val.
    """
    return torch.where(torch.tensor((clips["split"] == "val").to_numpy())[:, None], validated, tested)


def write_run(
    path: Path, clips: pd.DataFrame, logits: torch.Tensor, parts: tuple[str, ...] = ("val", "test"), **facts: object
) -> None:
    """Write the probabilities of the clips of these splits, and beside them, as JSON, facts and the temperature.

    logits: (clip, emotions) float, a row for each row of `clips`.
    """
    logits, split = logits.double().cpu(), clips["split"].to_numpy()
    labels = torch.tensor([EMOTION_INDEX[emotion] for emotion in clips["emotion"]])
    val = torch.from_numpy(split == "val")
    table = clips[["clip", "split", "emotion"]].reset_index(drop=True)
    table[list(EMOTIONS)] = logits.softmax(dim=1).numpy()
    table = table[table["split"].isin(parts)]
    with replacing(path) as temporary:
        table.to_csv(temporary, index=False, float_format=f"%.{DIGITS}f", lineterminator="\n")
    facts["temperature"] = fit_temperature(logits[val].numpy(), labels[val].numpy())
    for part in parts:
        rows = torch.from_numpy(split == part)
        facts[f"{part}_uar"] = recall_score(
            labels[rows], logits[rows].argmax(dim=1), average="macro", labels=labels[rows].unique()
        )
    write_json(facts, path.with_suffix(".json"), DIGITS)


def read_runs(protocol: str, model: str, part: str = "test") -> pd.DataFrame:
    """Return the rows of one split of all runs of a model: fold, seed, temperature, clip, emotion and probabilities.

    ValueError names tables that lack columns, hold no such clips, or whose rows are no probabilities.
    """
    tables = []
    for path in sorted((RUNS / protocol / model).glob("*.csv")):
        table = read_table(path, COLUMNS, clip=str, split=str, emotion=str)
        table = table[table["split"] == part].drop(columns="split")
        sums = table[list(EMOTIONS)].sum(axis=1)
        if table.empty or not table["emotion"].isin(EMOTIONS).all() or not np.allclose(sums, 1, atol=1e-3):
            raise ValueError(f"{path}: expected {part} clips with probabilities that sum to 1. Delete it and rerun it.")
        facts = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        fold, seed = (int(part) for part in path.stem.split("-"))
        tables.append(table.assign(fold=fold, seed=seed, temperature=facts["temperature"]))
    if not tables:
        raise ValueError(f"{RUNS / protocol / model}: no runs; run `dvc repro` in crossval/")
    return pd.concat(tables, ignore_index=True)


def counts_of(runs: pd.DataFrame) -> np.ndarray:
    """Count the clips of runs (with the columns unit and actor) as (unit, speaker, actual, predicted)."""
    actual = runs["emotion"].map(EMOTION_INDEX).to_numpy()
    predicted = runs[list(EMOTIONS)].to_numpy().argmax(axis=1)
    return confusion_counts(runs["unit"].to_numpy(), runs["actor"].to_numpy(), actual, predicted, len(EMOTIONS))


def log_probabilities(table: pd.DataFrame) -> np.ndarray:
    """Return (clip, emotions) of the rounded probabilities of a table of runs."""
    return np.log(table[list(EMOTIONS)].to_numpy().clip(SMALLEST))
