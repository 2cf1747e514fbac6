"""Copy a corpus from <NAME>_SOURCE and check it: a folder, archive or CSV table → raw/<corpus>, manifests/<corpus>.md5.

The manifest is made of the first copy. Every later one must hold the same clips.
"""

import argparse
import hashlib
from pathlib import Path, PurePosixPath

from ser.corpora.any_table import copy_table, is_table
from ser.corpora.catalogue import CORPORA
from ser.corpora.corpus import CorpusError
from ser.corpora.manifests import write_manifest
from ser.corpora.sources import Manifest, copy_clips, describe_source, list_members, read_manifest
from ser.storage.errors import reporting
from ser.storage.files import replacing_folder
from ser.storage.given import given_path
from studies.outside.corpora.settings import PARAMS, PROJECT

SHOWN = 20  # files that differ


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", help=f"one of corpora.fetched in {PARAMS}")
    name = parser.parse_args().corpus
    with reporting("fetch"):
        fetch(name)


def fetch(name: str) -> None:
    """Write raw/<name>, and its manifest where there is none; CorpusError says what is missing or differs."""
    source, manifest = find_source(name), PROJECT / f"manifests/{name}.md5"
    known = read_manifest(manifest) if manifest.exists() else None
    with replacing_folder(PROJECT / "raw" / name) as folder:
        if is_table(source):
            copy_table(source, folder)
            found = sums_of(folder)
            if known is not None and found != known:
                raise CorpusError(
                    f"{source} is not the corpus of {manifest}:\n{differences(found, known)}{remedy(manifest)}"
                )
        else:
            list_members(source)
            found = known or describe_source(source, CORPORA[name])
            try:
                copy_clips(source, found, folder)
            except CorpusError as error:
                raise CorpusError(f"{error}{remedy(manifest)}") from error
    if known is None:
        write_manifest(found, manifest)
    print(f"{len(found)} files of {name}, {'every MD5 right' if known else f'written down in {manifest}'}")


def find_source(name: str) -> Path:
    """Return the path in <NAME>_SOURCE; CorpusError says where a corpus is to be had, and how to do without it."""
    corpus, variable = CORPORA.get(name), f"{name.upper()}_SOURCE"
    source = given_path(variable)
    without = f"Or take {name} out of `corpora` in {PARAMS}."
    if source is None and corpus is not None:
        raise CorpusError(
            f"{corpus.title} is not downloaded. Get it from {corpus.home} ({corpus.licence}), and give its folder or "
            f"archive: {variable}=/path/to/it. {without}"
        )
    if corpus is None and (source is None or not is_table(source)):
        given = f"{variable} is {source}" if source else f"{variable} is not set"
        raise CorpusError(
            f"{name} is none of the corpora {', '.join(CORPORA)}, so it needs a table `path, emotion[, speaker, sex, "
            f"split]`: {variable}=/path/to/table.csv ({given}). {without}"
        )
    return source


def sums_of(folder: Path) -> Manifest:
    """Return the MD5 of every file below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        PurePosixPath(path.relative_to(folder).as_posix()): hashlib.md5(path.read_bytes()).hexdigest() for path in files
    }


def differences(found: Manifest, known: Manifest) -> str:
    """List the files that only one of two manifests has, and those that differ."""
    lines = [f"  {path}: missing" for path in known if path not in found]
    lines += [f"  {path}: new" for path in found if path not in known]
    lines += [f"  {path}: altered" for path in found if path in known and found[path] != known[path]]
    more = [f"  … and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return "\n".join(lines[:SHOWN] + more)


def remedy(manifest: Path) -> str:
    return f"\nIf this copy shall be the corpus from now on, remove {manifest} and run `dvc repro` again."


if __name__ == "__main__":
    main()
