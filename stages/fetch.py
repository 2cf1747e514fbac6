"""Fetch the corpus: Zenodo's archive, RAVDESS_SOURCE=/path/to/zip-or-folder, or synthesis → data/raw/Actor_NN/*.wav."""

import dataclasses
from pathlib import Path

import pooch

from ser.corpora.sources import copy_clips, download, read_manifest
from ser.corpora.synthesis import SyntheticCorpus, write_corpus
from ser.storage.errors import reporting
from ser.storage.files import replacing_folder
from ser.storage.given import given_path
from ser.storage.params import build, check, read_params

PARAMS = Path("params.yaml")
MANIFEST = Path("data/ravdess.md5")
RAW = Path("data/raw")


@dataclasses.dataclass(frozen=True)
class Corpus:
    name: str

    def __post_init__(self) -> None:
        check(self.name in ("ravdess", "synthetic"), "name", self.name, "ravdess or synthetic")


def fetch_ravdess() -> None:
    """Copy the checked clips from RAVDESS_SOURCE, or else from the archive kept in RAVDESS_CACHE."""
    manifest = read_manifest(MANIFEST)
    with replacing_folder(RAW) as folder:
        source = given_path("RAVDESS_SOURCE") or download(given_path("RAVDESS_CACHE") or pooch.os_cache("ravdess"))
        copy_clips(source, manifest, folder)
    print(f"{len(manifest)} clips of RAVDESS in {RAW}, every MD5 right")


def fetch_synthetic(settings: SyntheticCorpus) -> None:
    """Write the synthetic corpus; it has no manifest, its bytes follow from the settings."""
    with replacing_folder(RAW) as folder:
        clips = write_corpus(settings, folder)
    print(f"{clips} synthetic clips in {RAW}")


def main() -> None:
    with reporting("fetch"):
        corpus, synthetic = read_params(PARAMS, "corpus", "synthetic")
        settings = build(SyntheticCorpus, synthetic, "synthetic")
        if build(Corpus, corpus, "corpus").name == "synthetic":
            fetch_synthetic(settings)
        else:
            fetch_ravdess()


if __name__ == "__main__":
    main()
