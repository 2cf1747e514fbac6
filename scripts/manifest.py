"""Write the manifest of a corpus from a copy: `EMODB_SOURCE=/path/to/it python -m scripts.manifest emodb`.

The manifest holds the MD5 of every clip. `fetch` then takes only a copy with just these clips.
"""

import argparse
from pathlib import Path

from ser.corpora.catalogue import CORPORA, find_corpus
from ser.corpora.manifests import write_manifest
from ser.corpora.sources import describe_source
from ser.storage.errors import reporting
from ser.storage.given import given_path

MANIFESTS = Path("data/manifests")


def main() -> None:
    parser = argparse.ArgumentParser(prog="manifest", description=__doc__)
    parser.add_argument("corpus", help=", ".join(CORPORA))
    with reporting("manifest"):
        make_manifest(parser.parse_args().corpus)


def make_manifest(name: str) -> None:
    """Write data/manifests/<name>.md5; ValueError when there is one, or no copy of the corpus was given."""
    corpus, path = find_corpus(name), MANIFESTS / f"{name}.md5"
    source = given_path(corpus.variable)
    if path.exists():
        raise ValueError(f"{path} is there already. Remove it first if another copy shall be the corpus.")
    if source is None:
        raise ValueError(f"give a copy of {corpus.title}: {corpus.variable}=/path/to/zip-or-folder ({corpus.home})")
    manifest = describe_source(source, corpus)
    write_manifest(manifest, path)
    print(f"{len(manifest)} clips of {corpus.title} in {path}: commit it, and set corpus.name to {name}")


if __name__ == "__main__":
    main()
