"""What of params.yaml several stages read."""

from pathlib import Path

import pandas as pd

from ser.corpora.protocols import SPEAKER_FOLDS
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
    "attentive": Path("studies/encoders/runs/luna/whisper_attentive"),
    "compact_seeds": Path("studies/outside/voices/runs/luna/compact_seeds"),
}


def fold_clips(fold: int) -> pd.DataFrame:
    """Return the clip table with each clip's split in a fold."""
    return Run(PROTOCOL, fold, seed=1).clips()
