"""Adapt to speakers of whom each has one emotion, which destroys it: corpora/embeddings/urdu → trap.csv.

Logistic regression on the encoder's embeddings of all RAVDESS speakers; URDU's speakers have one emotion each, or two.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from ser.adaptation.draws import Condition
from ser.adaptation.protocol import Asked, answer_draws
from ser.adaptation.speakers import Speakers, Strengths
from ser.corpora.clip_table import read_clips
from ser.corpora.emotions import EMOTIONS
from ser.data.embeddings import EmbeddedClips
from ser.evaluation import statistics
from ser.evaluation.recall import uar
from ser.models.adapted import AdaptableHead
from ser.models.logistic import LogisticSettings
from ser.storage.errors import reporting
from ser.storage.files import write_table
from ser.storage.params import build, read_params
from studies.outside.voices.answers import read_answers
from studies.outside.voices.settings import FEATURES, FOLDS, PARAMS
from studies.run import CLIPS

CORPORA = Path("studies/outside/corpora")
OUT = Path("studies/outside/voices/trap.csv")
ALL = 10**6  # clips: as many as a speaker has
TYPICAL = 16  # about as many as a speaker of URDU has
DIGITS = 4


def main() -> None:
    with reporting("trap"):
        settings = build(LogisticSettings, read_params(PARAMS, "features")["whisper"], "features.whisper", str(PARAMS))
        known = read_embedded(read_clips(CLIPS, "clip", "emotion", "actor"), FEATURES["whisper"])
        head = AdaptableHead.train(*known, settings)
        urdu = read_clips(CORPORA / "tables/urdu.csv", "clip", "emotion", "actor")
        asked = head.ask(
            *read_embedded(urdu, [CORPORA / f"embeddings/urdu/{path.name}" for path in FEATURES["whisper"]])
        )
        table = compare(asked, head.speakers, typical_strengths(TYPICAL))
        write_table(table, OUT, DIGITS)
        print(table.to_string(index=False))


def read_embedded(clips: pd.DataFrame, paths: list[Path]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features (copies, clip, dim), labels and the numbers of the speakers."""
    embedded = EmbeddedClips.read(paths, clips.assign(split=""))
    features = embedded.embeddings.reshape(len(paths), len(clips), -1)
    return features, embedded.labels, pd.factorize(clips["actor"])[0]


def typical_strengths(count: int) -> Strengths:
    """Return the medians of those that RAVDESS's folds chose for a number of clips."""
    chosen = [vars(read_answers("whisper", fold)[1][count]) for fold in FOLDS]
    return Strengths(**{name: float(np.median([one[name] for one in chosen])) for name in chosen[0]})


def compare(asked: Asked, known: Speakers, strengths: Strengths) -> pd.DataFrame:
    """Return a row a way of adaptation: UAR of the emotions that the corpus has, with its interval over speakers.

    Only these emotions are answered.
    """
    ways = {
        "none": asked.plain,
        "all clips, chosen strengths": _answer(asked, known, strengths),
        "all clips, no shrinkage": _answer(asked, known, Strengths(0.0, 0.0)),
    }
    there = np.unique(asked.labels)
    rows = []
    for way, logs in ways.items():
        predicted = there[logs[:, there].argmax(axis=1)]
        zeros = np.zeros(len(predicted), dtype=int)
        counts = statistics.confusion_counts(zeros, asked.speakers, asked.labels, predicted, len(EMOTIONS))
        rows.append({"adaptation": way, "emotions": len(there)} | statistics.over_units(counts, uar))
    return pd.DataFrame(rows).drop(columns="sd").rename(columns={"mean": "uar"})


def _answer(asked: Asked, known: Speakers, strengths: Strengths) -> np.ndarray:
    return answer_draws(asked, known, {ALL: strengths}, [Condition(ALL)], 1, 0)[0, 0]


if __name__ == "__main__":
    main()
