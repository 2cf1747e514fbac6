"""The encoder with logistic regression, as in ../../encoders, on other corpora: embeddings/ → runs/, trained/."""

import argparse
import dataclasses
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
import torch

from ser.corpora.emotions import EMOTION_INDEX, EMOTIONS
from ser.data.centring import move_embeddings
from ser.data.embeddings import EmbeddedClips
from ser.data.tables import rows_of
from ser.models.logistic import LogisticHead, LogisticSettings
from ser.storage.errors import reporting
from ser.storage.files import replacing_folder
from ser.storage.params import build, read_params, read_value
from ser.storage.tensors import load_tensors
from studies.outside.corpora.protocols import across, known, left_out, within
from studies.outside.corpora.settings import PARAMS, PROJECT, read_corpus, read_studied

ENCODERS_PARAMS = Path("studies/encoders/params.yaml")


@dataclasses.dataclass(frozen=True)
class EmbeddedCorpus:
    """Embeddings (copy, clip, layers, 2, width) float32, and the clips' rows of the table."""

    table: pd.DataFrame
    embeddings: np.ndarray

    @classmethod
    def read(cls, name: str) -> Self:
        table, copies = read_corpus(name), []
        for copy in read_params(ENCODERS_PARAMS, "speeds"):
            path = PROJECT / f"embeddings/{name}/{copy}.pt"
            content = load_tensors(path, ("clips", "embeddings"))
            copies.append(content["embeddings"][rows_of(table["clip"], content["clips"], path)].numpy())
        return cls(table, np.stack(copies))

    def __getitem__(self, rows: np.ndarray) -> Self:
        return EmbeddedCorpus(self.table[rows], self.embeddings[:, rows])

    def moved(self, onto: np.ndarray | float) -> Self:
        return EmbeddedCorpus(self.table, move_embeddings(self.embeddings, onto))

    def labelled(self) -> EmbeddedClips:
        """Return them as heads learn from them; -1 stands for emotions outside the eight."""
        labels = self.table["emotion"].map(EMOTION_INDEX).fillna(-1).astype(int).to_numpy()
        return EmbeddedClips(self.embeddings, labels, np.full(len(labels), ""))


@dataclasses.dataclass(frozen=True)
class EncoderModel:
    head: LogisticHead
    shape: tuple[int, ...]  # of an embedding

    @classmethod
    def train(cls, parts: list[EmbeddedCorpus], settings: LogisticSettings) -> Self:
        embeddings = np.concatenate([part.embeddings for part in parts], axis=1)
        clips = EmbeddedCorpus(pd.concat([part.table for part in parts]), embeddings).labelled()
        return cls(LogisticHead.train(*clips.stacked(), settings), embeddings.shape[2:])

    @property
    def mean(self) -> np.ndarray:
        return self.head.steps.named_steps["standardscaler"].mean_.reshape(self.shape)

    def logits(self, clips: EmbeddedCorpus) -> np.ndarray:
        """Return log-probabilities (clip, EMOTIONS), means over the copies."""
        logits = np.full((len(clips.table), len(EMOTIONS)), -np.inf)
        logits[:, self.head.steps.named_steps["logisticregression"].classes_] = clips.labelled().predict(
            self.head.logits
        )
        return logits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=("train", "within", "across", "left_out"))
    parser.add_argument("corpus", help=f"one of corpora.studied in {PARAMS}")
    arguments = parser.parse_args()
    with reporting(f"encoder {arguments.task}"):
        run(arguments.task, arguments.corpus)


def run(task: str, corpus: str) -> None:
    model = read_value(PARAMS, "encoder.name", str)
    settings = build(LogisticSettings, read_params(ENCODERS_PARAMS, "train_logistic"), "train_logistic")
    torch.set_num_threads(1)

    def train(parts: list[EmbeddedCorpus]) -> EncoderModel:
        return EncoderModel.train(parts, settings)

    if task == "train":
        with replacing_folder(PROJECT / f"trained/encoder/{corpus}") as folder:
            train([known(EmbeddedCorpus.read(corpus))]).head.save(folder)
    elif task == "within":
        within(model, corpus, EmbeddedCorpus.read, train)
    elif task == "across":
        shape = EmbeddedCorpus.read(corpus).embeddings.shape[2:]
        trained = EncoderModel(LogisticHead.load(PROJECT / f"trained/encoder/{corpus}"), shape)
        across(model, corpus, read_studied(), EmbeddedCorpus.read, trained)
    else:
        left_out(model, corpus, read_studied(), EmbeddedCorpus.read, train)


if __name__ == "__main__":
    main()
