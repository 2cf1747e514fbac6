"""Draw a text branch at random that keeps to the contract: fusion/audio.parquet → fusion/text.parquet."""

import dataclasses
from pathlib import Path

import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import log_softmax
from scipy.stats import norm

from fusion.branches import read_branch, read_column, write_branch
from ser.corpora.emotions import EMOTION_INDEX, EMOTIONS
from ser.storage.errors import reporting
from ser.storage.params import build, check, read_params

PARAMS = Path("fusion/params.yaml")
LIKE = Path("fusion/audio.parquet")
BRANCH = Path("fusion/text.parquet")


@dataclasses.dataclass(frozen=True)
class SimulateSettings:
    """How much the branch knows, how wide its embedding is, and what share of the utterances it lacks."""

    uar: float
    width: int
    missing: float
    seed: int

    def __post_init__(self) -> None:
        check(1 / len(EMOTIONS) < self.uar <= 0.999, "uar", self.uar, f"above chance, {1 / len(EMOTIONS)}, to 0.999")
        check(self.width >= 1, "width", self.width, "1 or more")
        check(0 <= self.missing < 1, "missing", self.missing, "0 to below 1")
        check(self.seed >= 0, "seed", self.seed, "0 or more")


def main() -> None:
    with reporting("simulate"):
        settings = build(SimulateSettings, read_params(PARAMS, "simulate"), "simulate", str(PARAMS))
        audio = read_branch(LIKE)
        audio = audio.filter(audio["emotion"].is_valid())
        labels = np.array([EMOTION_INDEX[emotion] for emotion in audio["emotion"].to_pylist()])
        logs, embedding, kept = draw_branch(labels, settings)
        utterances, speakers, emotions = (
            read_column(audio, name)[kept] for name in ("utterance", "speaker", "emotion")
        )
        about = {
            "modality": "text",
            "model": "simulated",
            "protocol": "simulated",
            "encoder": "simulated",
            "simulated": True,
        }
        columns = {
            "utterance": utterances,
            "clip": [f"simulated-{utterance}" for utterance in utterances],
            "speaker": speakers,
            "fold": [None] * len(utterances),
            "seed": [None] * len(utterances),
            "emotion": emotions,
            "log_probabilities": logs[kept],
            "embedding": embedding[kept],
        }
        write_branch(BRANCH, about, columns)
        print(f"{BRANCH}: {len(utterances)} utterances, simulated")


def draw_branch(labels: np.ndarray, settings: SimulateSettings) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw log-probabilities (row, emotions), embeddings (row, width) and which rows there are (row,), bool.

    An observation of each row is normal around its emotion's corner; the log-probabilities are what Bayes' rule makes
    of it with the frequencies of the labels, and so are calibrated. The embedding is a random projection of it.
    """
    generator = np.random.default_rng(settings.seed)
    strength = find_strength(settings.uar, len(EMOTIONS))
    observed = strength * np.eye(len(EMOTIONS))[labels] + generator.normal(size=(len(labels), len(EMOTIONS)))
    frequency = np.bincount(labels, minlength=len(EMOTIONS)) / len(labels)
    logs = log_softmax(strength * observed + np.log(frequency.clip(1e-6)), axis=1)
    embedding = observed @ generator.normal(size=(len(EMOTIONS), settings.width))
    return logs, embedding, generator.random(len(labels)) >= settings.missing


def find_strength(accuracy: float, classes: int) -> float:
    """Return how far apart the corners must lie for that accuracy among equally frequent classes.

    The sensitivity d' of a choice among alternatives (Green & Swets 1966): the observation in the right class's
    direction exceeds those in all others.
    """

    def density(x: float, strength: float) -> float:
        return norm.pdf(x - strength) * norm.cdf(x) ** (classes - 1)

    def surplus(strength: float) -> float:
        return quad(density, -10, strength + 10, args=(strength,))[0] - accuracy

    return brentq(surplus, 0, 20)


if __name__ == "__main__":
    main()
