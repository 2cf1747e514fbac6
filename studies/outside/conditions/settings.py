"""The sections of params.yaml, and where this project keeps what."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ser.features.conditions.kinds import build_condition
from ser.features.conditions.seeding import generator_of
from ser.features.conditions.training import Disturbances
from ser.features.conditions.voices import load_voices
from ser.storage.params import build, check, read_params, read_value

FOLDER = Path("studies/outside/conditions")
PARAMS = FOLDER / "params.yaml"
VOICES = FOLDER / "voices"
EMBEDDINGS = FOLDER / "embeddings"
LOGMEL = FOLDER / "logmel"
RUNS = FOLDER / "runs"
CLEAN_RUNS = FOLDER / "clean_runs"
TRAINING = "training_"  # begins the name of a training copy; a number follows

Disturb = Callable[[str, np.ndarray], np.ndarray]  # a clip's name and its waveform → the disturbed one


@dataclasses.dataclass(frozen=True)
class Seeds:
    testing: int
    training: int

    def __post_init__(self) -> None:
        check(self.testing != self.training, "training", self.training, "another seed than that of testing")


def read_seeds() -> Seeds:
    return build(Seeds, read_params(PARAMS, "seeds"), "seeds", str(PARAMS))


def training_copies(count: int) -> list[str]:
    """The names of so many training copies."""
    return [f"{TRAINING}{number}" for number in range(1, count + 1)]


def read_disturb(copy: str) -> Disturb:
    """Return what makes a copy of a clip: a condition by its name, or a training copy.

    A clip's random draws follow from the seed, the copy and the clip's name alone.
    """
    seeds = read_seeds()
    if not copy.startswith(TRAINING):
        values = read_value(PARAMS, f"conditions.{copy}", dict)
        condition = build_condition(values, f"conditions.{copy}", str(PARAMS))
        voices = load_voices(VOICES / "testing.pt")
        return lambda clip, waveform: condition(waveform, generator_of(seeds.testing, copy, clip), voices)
    disturbances = build(Disturbances, read_params(PARAMS, "disturbances"), "disturbances", str(PARAMS))
    voices = load_voices(VOICES / "training.pt")

    def disturb(clip: str, waveform: np.ndarray) -> np.ndarray:
        rng = generator_of(seeds.training, copy, clip)
        return disturbances.draw(rng)(waveform, rng, voices)

    return disturb
