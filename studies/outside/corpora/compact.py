"""CompactNet with the settings of the main pipeline, on other corpora: logmel/ → runs/, trained/."""

import argparse
import dataclasses
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
import torch

from ser.corpora.emotions import EMOTION_INDEX
from ser.data.centring import move_log_mel
from ser.data.own_length import OwnLengthClips
from ser.data.tables import rows_of
from ser.models.compact import Compact, Settings
from ser.storage.errors import reporting
from ser.storage.params import build, read_params
from ser.storage.tensors import load_tensors
from ser.training.runtime import RunSettings, set_up_torch
from studies.outside.corpora.protocols import COMPACT, across, known, left_out, within
from studies.outside.corpora.settings import PARAMS, PROJECT, read_corpus, read_studied

MAIN_PARAMS = Path("params.yaml")


@dataclasses.dataclass(frozen=True)
class HeardCorpus:
    """Log-mel spectrograms, each (frames, bands), and the clips' rows of the table."""

    table: pd.DataFrame
    clips: list[torch.Tensor]
    front_end: dict

    @classmethod
    def read(cls, name: str) -> Self:
        table, path = read_corpus(name), PROJECT / f"logmel/{name}.pt"
        content = load_tensors(path, ("clips", "frames", "front_end", "lengths"))
        clips = content["frames"].split(content["lengths"].tolist())
        rows = rows_of(table["clip"], content["clips"], path)
        return cls(table, [clips[row] for row in rows], content["front_end"])

    def __getitem__(self, rows: np.ndarray) -> Self:
        return HeardCorpus(self.table[rows], [self.clips[row] for row in np.flatnonzero(rows)], self.front_end)

    def moved(self, onto: np.ndarray | float) -> Self:
        onto = torch.as_tensor(onto, dtype=torch.float32)
        return HeardCorpus(self.table, move_log_mel(self.clips, onto), self.front_end)

    def labelled(self) -> OwnLengthClips:
        """Return them as the network learns from them; -1 stands for emotions outside the eight."""
        labels = self.table["emotion"].map(EMOTION_INDEX).fillna(-1).astype(int).to_numpy()
        return OwnLengthClips(self.clips, torch.tensor(labels), self.front_end)


@dataclasses.dataclass(frozen=True)
class CompactModel:
    compact: Compact

    @classmethod
    def train(cls, parts: list[HeardCorpus], settings: Settings, run: RunSettings, device: torch.device) -> Self:
        clips = HeardCorpus(
            pd.concat([part.table for part in parts]),
            [clip for part in parts for clip in part.clips],
            parts[0].front_end,
        )
        return cls(Compact.train(clips.labelled(), None, settings, run, device))

    @property
    def mean(self) -> np.ndarray:
        standardize = self.compact.network.standardize
        return (standardize.mean + standardize.level_mean).cpu().numpy()

    def logits(self, clips: HeardCorpus) -> np.ndarray:
        """Return logits (clip, EMOTIONS)."""
        return self.compact.logits(clips.labelled()).double().numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=("train", "within", "across", "left_out"))
    parser.add_argument("corpus", help=f"one of corpora.studied in {PARAMS}")
    arguments = parser.parse_args()
    with reporting(f"compact {arguments.task}"):
        run(arguments.task, arguments.corpus)


def run(task: str, corpus: str) -> None:
    shared = build(RunSettings, read_params(PARAMS, "compact"), "compact", str(PARAMS))
    settings = build(Settings, read_params(MAIN_PARAMS, "train_compact"), "train_compact")
    device = set_up_torch(shared.threads)

    def train(parts: list[HeardCorpus]) -> CompactModel:
        return CompactModel.train(parts, settings, shared, device)

    if task == "train":
        train([known(HeardCorpus.read(corpus))]).compact.save(PROJECT / f"trained/compact/{corpus}")
    elif task == "within":
        within(COMPACT, corpus, HeardCorpus.read, train)
    elif task == "across":
        trained = CompactModel(Compact.load(PROJECT / f"trained/compact/{corpus}", device))
        across(COMPACT, corpus, read_studied(), HeardCorpus.read, trained)
    else:
        left_out(COMPACT, corpus, read_studied(), HeardCorpus.read, train)


if __name__ == "__main__":
    main()
