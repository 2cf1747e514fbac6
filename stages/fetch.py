"""Fetch the corpus: Zenodo's archive, RAVDESS_SOURCE=/path/to/zip-or-folder, or synthesis → data/raw/."""

from pathlib import Path

import pooch

from ser.corpora.catalogue import SYNTHETIC, find_corpus
from ser.corpora.corpus import Corpus, CorpusError
from ser.corpora.ravdess import RAVDESS
from ser.corpora.sources import copy_clips, download, read_manifest
from ser.corpora.synthesis import SyntheticCorpus, write_corpus
from ser.storage.errors import reporting
from ser.storage.files import replacing_folder
from ser.storage.given import given_path
from ser.storage.params import build, read_params, read_value

PARAMS = Path("params.yaml")
MANIFESTS = Path("data/manifests")
RAW = Path("data/raw")


def fetch_published(corpus: Corpus) -> None:
    """Copy the checked clips from a local copy, or else from the archive, which is known of RAVDESS alone."""
    manifest = read_manifest(MANIFESTS / f"{corpus.name}.md5")
    with replacing_folder(RAW) as folder:
        copy_clips(given_path(corpus.variable) or download_archive(corpus), manifest, folder)
    print(f"{len(manifest)} clips of {corpus.title} in {RAW}, every MD5 right")


def download_archive(corpus: Corpus) -> Path:
    """Return RAVDESS's archive, kept in RAVDESS_CACHE; CorpusError says how to get another corpus."""
    if corpus is not RAVDESS:
        raise CorpusError(
            f"{corpus.title} is not downloaded. Get it from {corpus.home} ({corpus.licence}), and give its folder or "
            f"archive: {corpus.variable}=/path/to/it"
        )
    return download(given_path("RAVDESS_CACHE") or pooch.os_cache("ravdess"))


def fetch_synthetic(settings: SyntheticCorpus) -> None:
    """Write the synthetic corpus; it has no manifest, its bytes follow from the settings."""
    with replacing_folder(RAW) as folder:
        clips = write_corpus(settings, folder)
    print(f"{clips} synthetic clips in {RAW}")


def main() -> None:
    with reporting("fetch"):
        settings = build(SyntheticCorpus, read_params(PARAMS, "synthetic"), "synthetic")
        corpus = find_corpus(read_value(PARAMS, "corpus.name", str))
        if corpus is SYNTHETIC:
            fetch_synthetic(settings)
        else:
            fetch_published(corpus)


if __name__ == "__main__":
    main()
