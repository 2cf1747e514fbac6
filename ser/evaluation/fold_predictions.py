"""The output of a training on one fold: probabilities of its clips, and its facts as JSON."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from ser.corpora.emotions import EMOTION_INDEX, EMOTIONS
from ser.evaluation.predictions import write_predictions
from ser.evaluation.recall import count_clips, uar
from ser.evaluation.temperature import fit_temperature
from ser.storage.files import write_json

DIGITS = 4  # of probabilities and metrics


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
    """Write the predictions of the clips of these splits, and beside them, as JSON, facts and the temperature.

    logits: (clip, emotions) float, a row for each row of `clips`. The temperature is fitted on the clips of val.
    """
    logits, split = logits.double().cpu(), clips["split"].to_numpy()
    labels = clips["emotion"].map(EMOTION_INDEX).to_numpy()
    written = np.isin(split, parts)
    write_predictions(clips[written], logits.softmax(dim=1).numpy()[written], path, DIGITS)
    val = split == "val"
    facts["temperature"] = fit_temperature(logits.numpy()[val], labels[val])
    for part in parts:
        rows = split == part
        facts[f"{part}_uar"] = float(uar(count_clips(labels[rows], logits.numpy()[rows].argmax(axis=1), len(EMOTIONS))))
    write_json(facts, path.with_suffix(".json"), DIGITS)
