"""What of params.yaml several stages read."""

import dataclasses
import itertools
from pathlib import Path

import pandas as pd

from ser.adaptation.draws import Condition
from ser.adaptation.speakers import Strengths
from ser.corpora.clip_table import read_clips
from ser.corpora.protocols import SPEAKER_FOLDS
from ser.storage.params import check
from studies.run import CLIPS, Run

PARAMS = Path("studies/outside/voices/params.yaml")
RUNS = Path("studies/outside/voices/runs")
TRAINED = Path("studies/outside/voices/trained/compact")
UNADAPTED = Path("studies/crossval/runs/luna/compact")
LOGMEL = Path("data/features/logmel.pt")
FUNCTIONALS = Path("studies/outside/voices/functionals")
EMBEDDINGS = Path("studies/encoders/embeddings/whisper")
PROTOCOL = "luna"
FOLDS = range(1, len(SPEAKER_FOLDS[PROTOCOL]) + 1)
# Files of each set of features, one a copy of the clips
FEATURES = {
    "whisper": [EMBEDDINGS / f"{copy}.pt" for copy in ("original", "slower", "faster")],
    "compare": [FUNCTIONALS / "compare.pt"],
    "egemaps": [FUNCTIONALS / "egemaps.pt"],
}


@dataclasses.dataclass(frozen=True)
class DrawSettings:
    seed: int
    counts: tuple[int, ...]
    dominated: tuple[int, ...]
    repeats: int
    validation_repeats: int

    def __post_init__(self) -> None:
        check(0 <= self.seed < 2**31, "seed", self.seed, "0 to 2^31 - 1")
        for name in ("counts", "dominated"):
            counts = getattr(self, name)
            check(list(counts) == sorted({*counts}), name, counts, "numbers of clips in rising order")
        check(self.counts[:1] == (0,), "counts", self.counts, "0 first, which is without adaptation")
        check({*self.dominated} <= {*self.counts[1:]}, "dominated", self.dominated, "some of counts, not 0")
        check(self.repeats >= 1, "repeats", self.repeats, "1 or more")
        check(self.validation_repeats >= 1, "validation_repeats", self.validation_repeats, "1 or more")

    @property
    def conditions(self) -> list[Condition]:
        """All draws at random, then those in which one emotion dominates."""
        return [*map(Condition, self.counts), *(Condition(count, dominated=True) for count in self.dominated)]


@dataclasses.dataclass(frozen=True)
class StrengthSettings:
    """Values to choose from."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    shares: tuple[float, ...]

    def __post_init__(self) -> None:
        for name, values in vars(self).items():
            check(bool(values) and min(values) >= 0, name, values, "one or more numbers, none below 0")

    @property
    def grid(self) -> list[Strengths]:
        return [Strengths(*values) for values in itertools.product(self.mean, self.deviation, self.shares)]


def fold_clips(fold: int) -> pd.DataFrame:
    """Return clip, emotion, split and actor of all clips."""
    actors = read_clips(CLIPS, "clip", "actor").set_index("clip")["actor"]
    return Run(PROTOCOL, fold, seed=1).clips().join(actors, on="clip")
