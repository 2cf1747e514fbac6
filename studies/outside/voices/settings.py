"""What of params.yaml several stages read."""

import dataclasses
import itertools
from pathlib import Path

import pandas as pd

from ser.adaptation.draws import Condition
from ser.adaptation.speakers import Strengths
from ser.corpora.protocols import SPEAKER_FOLDS
from ser.storage.params import check
from studies.run import Run

PARAMS = Path("studies/outside/voices/params.yaml")
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
# Models that are adapted by their runs alone
RUNS = {
    "compact": Path("studies/crossval/runs/luna/compact"),
    "compact_seeds": Path("studies/outside/voices/runs/luna/compact_seeds"),
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

    def __post_init__(self) -> None:
        for name, values in vars(self).items():
            check(bool(values) and min(values) >= 0, name, values, "one or more numbers, none below 0")

    @property
    def grid(self) -> list[Strengths]:
        return [Strengths(*values) for values in itertools.product(self.mean, self.deviation)]


def fold_clips(fold: int) -> pd.DataFrame:
    """Return the clip table with each clip's split in a fold."""
    return Run(PROTOCOL, fold, seed=1).clips()
