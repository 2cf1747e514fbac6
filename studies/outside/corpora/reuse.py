"""Take RAVDESS from the main pipeline and ../../encoders: clips, features, and their runs on Luna-Jiménez's folds.

→ tables/ravdess.csv, logmel/ravdess.pt, embeddings/ravdess/, runs/within/<model>/ravdess.*
"""

import shutil
from pathlib import Path

from ser.evaluation.predictions import COLUMNS
from ser.evaluation.runs import read_runs
from ser.storage.errors import reporting
from ser.storage.files import replacing, replacing_folder
from ser.storage.params import read_params, read_value
from studies.outside.corpora.protocols import COMPACT, write_run
from studies.outside.corpora.settings import PARAMS, PROJECT, REUSED, read_corpus

MAIN_PARAMS = Path("params.yaml")
CLIPS, LOGMEL = Path("data/clips.csv"), Path("data/features/logmel.pt")
CROSSVAL, ENCODERS = Path("studies/crossval"), Path("studies/encoders")


def main() -> None:
    with reporting("reuse"):
        corpus = read_value(MAIN_PARAMS, "corpus.name", str)
        if corpus != REUSED:
            raise ValueError(f"{MAIN_PARAMS}: corpus.name is {corpus!r}; expected {REUSED!r}, whose clips are taken")
        reuse_features(read_value(PARAMS, "encoder.name", str))
        reuse_runs(read_value(PARAMS, "encoder.name", str), read_value(PARAMS, "compact.seed", int))


def reuse_features(encoder: str) -> None:
    """Copy the clip table, the log-mel and the embeddings as they are."""
    for source, target in ((CLIPS, f"tables/{REUSED}.csv"), (LOGMEL, f"logmel/{REUSED}.pt")):
        with replacing(PROJECT / target) as temporary:
            shutil.copyfile(source, temporary)
    with replacing_folder(PROJECT / "embeddings" / REUSED) as folder:
        for copy in read_params(ENCODERS / "params.yaml", "speeds"):
            shutil.copyfile(ENCODERS / f"embeddings/{encoder}/{copy}.pt", folder / f"{copy}.pt")


def reuse_runs(encoder: str, seed: int) -> None:
    """Join the folds of one seed into a run within the corpus; ValueError names a seed that was not run."""
    clips = read_corpus(REUSED)
    for model, folder, wanted in (
        (encoder, ENCODERS / f"runs/luna/{encoder}", 1),
        (COMPACT, CROSSVAL / f"runs/luna/{COMPACT}", seed),
    ):
        runs = read_runs(folder)
        table = runs[runs["seed"] == wanted].assign(split="test")
        if set(table["clip"]) != set(clips["clip"]):
            raise ValueError(f"{folder}: seed {wanted} tests {len(table)} of {len(clips)} clips of {CLIPS}")
        write_run(PROJECT / f"runs/within/{model}/{REUSED}", table[list(COLUMNS)], "within", model, [REUSED], REUSED)


if __name__ == "__main__":
    main()
