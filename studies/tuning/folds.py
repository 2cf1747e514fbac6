"""What a trial may see of a fold: the clips of its training and validation speakers."""

import dataclasses
import functools
import hashlib
from pathlib import Path

import pandas as pd

from studies.run import Run

PROTOCOL = "luna"


@dataclasses.dataclass(frozen=True)
class Fold:
    """Clips (with emotion and split) that no test looks at, and the seed and threads of a training on them."""

    number: int
    clips: pd.DataFrame
    seed: int
    threads: int

    @classmethod
    def read(cls, number: int, seed: int, threads: int) -> "Fold":
        """Read a fold; its test clips are left out here, before anything else sees them."""
        clips = Run(PROTOCOL, number, seed, permuted=False).clips()
        return cls(number, clips[clips["split"] != "test"].reset_index(drop=True), seed, threads)

    def digest(self) -> str:
        """Return a digest of which clips train and validate."""
        table = self.clips[["clip", "emotion", "split"]].to_csv(index=False)
        return hashlib.md5(table.encode()).hexdigest()


@functools.cache
def digest_file(path: Path) -> str:
    """Return a file's MD5."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()
