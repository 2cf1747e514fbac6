"""Within a corpus, across corpora, and all but one: the same for every model.

`corpus_adapted`: the clips of the test corpus are moved so that their mean becomes that of the training clips. The mean
needs no labels; clips of all emotions count. Where a model learns from several corpora, each of these is moved, too.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import pandas as pd
from scipy.special import softmax

from ser.corpora.emotions import EMOTIONS
from ser.evaluation.fold_predictions import DIGITS
from ser.evaluation.predictions import write_predictions
from ser.storage.files import replacing_folder, write_json
from studies.outside.corpora.settings import PROJECT, emotions_of, read_corpus, same_speakers

COMPACT = "compact"
ADAPTED = "corpus_adapted"
LEAST_SHARED = 2


class Heard(Protocol):
    """Clips as a model hears them, with their rows of the clip table; `emotion` may be outside the eight."""

    table: pd.DataFrame

    def __getitem__(self, rows: np.ndarray) -> Self: ...

    def moved(self, onto: np.ndarray | float) -> Self:
        """Shift all clips so that their mean is this one."""


class Trained(Protocol):
    """A model, and the mean of the clips that it learned from."""

    mean: np.ndarray

    def logits(self, clips: Heard) -> np.ndarray:
        """Return (clip, EMOTIONS), minus infinity for emotions that it never heard."""


Read = Callable[[str], Heard]
Train = Callable[[list[Heard]], Trained]


def within(model: str, corpus: str, read: Read, train: Train) -> None:
    """Test each fold's speakers by a training on the others: → runs/within/<model>/<corpus>.*"""
    clips = read(corpus)
    folds = pd.read_csv(PROJECT / f"folds/{corpus}.csv", dtype={"clip": str}).set_index("clip")["fold"]
    fold = clips.table["clip"].map(folds).to_numpy()  # NaN for clips of other emotions
    shared = require_shared([corpus], [clips.table], corpus, clips.table)
    tables = []
    for number in sorted(set(folds) - {0}):
        trained = train([clips[~np.isnan(fold) & (fold != number)]])
        tested = clips[fold == number]
        tables.append(predict(tested.table, trained.logits(tested), shared))
    write_run(PROJECT / f"runs/within/{model}/{corpus}", pd.concat(tables), "within", model, [corpus], corpus)


def across(model: str, corpus: str, studied: tuple[str, ...], read: Read, trained: Trained) -> None:
    """Test what was trained on a corpus on all others: → runs/across/<model>/<corpus>/<other>[-corpus_adapted].*"""
    learned = read_corpus(corpus)
    with replacing_folder(PROJECT / f"runs/across/{model}/{corpus}") as folder:
        for other in others_of(corpus, studied):
            clips = read(other)
            shared = require_shared([corpus], [learned], other, clips.table)
            for protocol, heard in (("across", clips), (ADAPTED, clips.moved(trained.mean))):
                path = folder / (other if protocol == "across" else f"{other}-{ADAPTED}")
                table = predict(heard.table, trained.logits(heard), shared)
                write_run(path, table, "across", model, [corpus], other, protocol == ADAPTED)


def left_out(model: str, corpus: str, studied: tuple[str, ...], read: Read, train: Train) -> None:
    """Test a corpus by a training on all others: → runs/left_out/<model>/<corpus>[-corpus_adapted].*"""
    others = others_of(corpus, studied)
    clips, parts = read(corpus), [read(other) for other in others]
    with replacing_folder(PROJECT / f"runs/left_out/{model}/{corpus}") as folder:
        if not others:
            print(f"{corpus}: no corpus of other speakers is studied, so there is nothing to train on")
            return
        shared = require_shared(others, [part.table for part in parts], corpus, clips.table)
        trained = train([known(part) for part in parts])
        table = predict(clips.table, trained.logits(clips), shared)
        write_run(folder / corpus, table, "left_out", model, others, corpus)
        trained = train([known(part.moved(0.0)) for part in parts])
        table = predict(clips.table, trained.logits(clips.moved(trained.mean)), shared)
        write_run(folder / f"{corpus}-{ADAPTED}", table, "left_out", model, others, corpus, True)


def others_of(corpus: str, studied: tuple[str, ...]) -> list[str]:
    """List the corpora that are new to a model of this one, and the other way round: all of other speakers."""
    return [other for other in studied if other != corpus and not same_speakers(other, corpus)]


def known(clips: Heard) -> Heard:
    """Return the clips of the eight emotions, from which a model may learn."""
    return clips[clips.table["emotion"].isin(EMOTIONS).to_numpy()]


def require_shared(names: list[str], trained: list[pd.DataFrame], test: str, tested: pd.DataFrame) -> list[str]:
    """Return the emotions that training and test have; ValueError names those of both where too few are shared."""
    learned, asked = emotions_of(*trained), emotions_of(tested)
    shared = [emotion for emotion in learned if emotion in asked]
    if len(shared) < LEAST_SHARED:
        raise ValueError(
            f"trained on {', '.join(names)} ({', '.join(learned)}), tested on {test} ({', '.join(asked)}): "
            f"they share {', '.join(shared) or 'no emotion'}; expected {LEAST_SHARED} or more"
        )
    return shared


def predict(clips: pd.DataFrame, logits: np.ndarray, shared: list[str]) -> pd.DataFrame:
    """Return the predictions of the clips of shared emotions: probabilities of these alone, scaled to sum to 1."""
    asked = clips["emotion"].isin(shared).to_numpy()
    restricted = np.where(np.isin(EMOTIONS, shared), logits[asked], -np.inf)
    table = clips.loc[asked, ["clip", "emotion"]].assign(split="test")
    return table.join(pd.DataFrame(softmax(restricted, axis=1), table.index, EMOTIONS))


def write_run(
    path: Path, table: pd.DataFrame, protocol: str, model: str, train: list[str], test: str, adapted: bool = False
) -> None:
    """Write predictions, and beside them, as JSON, what they are predictions of."""
    facts = {"protocol": protocol, "model": model, "train": train, "test": test, "adapted": adapted}
    write_predictions(table, table[list(EMOTIONS)].to_numpy(), path.with_suffix(".csv"), DIGITS)
    write_json(facts, path.with_suffix(".json"))
