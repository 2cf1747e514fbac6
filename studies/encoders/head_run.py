"""The command line of a head's training: the encoder, one fold and a seed."""

import argparse
import dataclasses
from pathlib import Path

from studies.run import Run, seed

RUNS = Path("studies/encoders/runs")


@dataclasses.dataclass(frozen=True)
class HeadRun:
    encoder: str
    run: Run

    @classmethod
    def from_arguments(cls, description: str | None) -> "HeadRun":
        parser = argparse.ArgumentParser(description=description)
        parser.add_argument("encoder", help="a folder of embeddings, frames or inputs")
        parser.add_argument("protocol", help="a table of folds")
        parser.add_argument("fold", type=int, help="a column of it")
        parser.add_argument("seed", type=seed)
        arguments = parser.parse_args()
        return cls(arguments.encoder, Run(arguments.protocol, arguments.fold, arguments.seed))

    def path(self, head: str = "") -> Path:
        """The path of the head's table; logistic regression has only the encoder's name."""
        return self.run.path(RUNS, f"{self.encoder}_{head}" if head else self.encoder)

    def copies(self, folder: Path, names: list[str]) -> list[Path]:
        """The files of the encoder's copies in a folder."""
        return [folder / self.encoder / f"{name}.pt" for name in names]
