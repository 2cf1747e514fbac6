"""The branches of the clips of a fold: embeddings, functionals, and log-probabilities of runs."""

import dataclasses
from pathlib import Path

import pandas as pd
import torch

from ser.corpora.emotions import EMOTIONS
from ser.data.branches import BranchClips, copied
from ser.data.embeddings import EmbeddedClips
from ser.data.own_length import OwnLengthClips
from ser.evaluation.runs import log_probabilities, read_runs
from ser.features.functionals import functionals
from ser.storage.params import check
from studies.run import Run

EMBEDDINGS = Path("studies/encoders/embeddings")
RUNS = Path("studies/crossval/runs")
LOGMEL = Path("data/features/logmel.pt")
COPIES = ("original", "slower", "faster")


@dataclasses.dataclass(frozen=True)
class BranchSettings:
    """Names of the encoders and of the model with runs that are branches, and of the models that late fusion is of."""

    encoders: tuple[str, ...]
    run: str
    late: tuple[str, ...]

    def __post_init__(self) -> None:
        check(len(self.encoders) > 0, "encoders", self.encoders, "one or more")
        check(len(self.late) > 1, "late", self.late, "two or more")


def read_branches(run: Run, clips: pd.DataFrame, settings: BranchSettings) -> BranchClips:
    """Return the branches of all clips; what the run says of training clips is missing: its model learned from them."""
    branches = {}
    for encoder in settings.encoders:
        embedded = EmbeddedClips.read([EMBEDDINGS / encoder / f"{copy}.pt" for copy in COPIES], clips)
        branches[encoder] = torch.from_numpy(embedded.embeddings).flatten(2)
    described = OwnLengthClips.from_cache(LOGMEL, clips)
    branches["functionals"] = copied(functionals(described), len(COPIES))
    branches[settings.run] = copied(said_by(RUNS / run.protocol / settings.run, run, clips), len(COPIES))
    return BranchClips(branches, described.labels)


def said_by(folder: Path, run: Run, clips: pd.DataFrame) -> torch.Tensor:
    """Return a model's log-probabilities (clip, emotions) in the run's fold and seed, NaN of training clips.

    ValueError when the model has no such run.
    """
    table = pd.concat([read_runs(folder, part) for part in ("val", "test")])
    table = table[(table["fold"] == run.fold) & (table["seed"] == run.seed)]
    if table.empty:
        raise ValueError(f"{folder}: has no run {run.fold}-{run.seed}; `make results` runs what is missing")
    logs = pd.DataFrame(log_probabilities(table), index=table["clip"], columns=list(EMOTIONS))
    return torch.tensor(logs.reindex(clips["clip"]).to_numpy(), dtype=torch.float32)
