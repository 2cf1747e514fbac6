"""Encoders that are published as single files, not on a hub: which files, from where, and their hashes."""

import dataclasses
import hashlib
import json
import re
import shutil
from pathlib import Path

import pooch

from ser.encoders.weights import WeightsError, both_ways

KNOWN = "known"  # as a revision: any of the hashes below


@dataclasses.dataclass(frozen=True)
class PublishedFile:
    """A file's name, its address, and what each of the files is whose SHA-256 begins so."""

    name: str
    url: str
    known: dict[str, str]


YAMNET = PublishedFile(
    "yamnet.h5",
    "https://storage.googleapis.com/audioset/yamnet.h5",
    {
        "13c3308955bbfaef262f175ac9c40e47b134573a93984f009220dd7cc12a1744": "as published",
        "c4a10d1278ddc8d38204dd1fcb022594925d26a8376a71d1c76c22b1ddedbd47": "the 8-bit release, multiplied out",
    },
)
RELEASE = "https://github.com/harritaylor/torchvggish/releases/download/v0.1/"
# torch's convention: a name ends in how its SHA-256 begins
FILES = {
    "yamnet": (YAMNET,),
    "vggish": tuple(
        PublishedFile(name, RELEASE + name, {name.removesuffix(".pth").rpartition("-")[2]: "as published"})
        for name in ("vggish-10086976.pth", "vggish_pca_params-970ea276.pth")
    ),
}


def copy_published(encoder: str, revision: str, source: Path | None, target: Path) -> None:
    """Write the files of a published encoder, and which it is, to the folder `target`.

    revision: `known`, or how the SHA-256 of the encoder's first file begins, for another one. source: a folder with the
    files, or the file itself; None: download them. WeightsError names a file that is missing or has another hash.
    """
    if revision != KNOWN and not re.fullmatch(r"[0-9a-fA-F]{8,64}", revision):
        raise WeightsError(
            f"sources.<encoder>.revision is {revision!r}; allowed: {KNOWN}, or 8 or more digits of a SHA-256 (0 to f)"
        )
    first, *others = FILES[encoder]
    chosen = first if revision == KNOWN else dataclasses.replace(first, known={revision.lower(): "of the params"})
    for file in (chosen, *others):
        if source is None:
            _download(file, target)
        else:
            shutil.copyfile(_find(file, encoder, source), target / file.name)
        _require_known(target / file.name, file, source)
    (target / "config.json").write_text(json.dumps({"model_type": encoder}, indent=2) + "\n", encoding="utf-8")


def _download(file: PublishedFile, target: Path) -> None:
    pooch.get_logger().setLevel("WARNING")  # it would advise to note the hash
    try:
        pooch.retrieve(file.url, known_hash=None, fname=file.name, path=target, progressbar=True)
    except (OSError, ValueError) as error:
        raise WeightsError(both_ways(file.name, file.url, error)) from error


def _find(file: PublishedFile, encoder: str, source: Path) -> Path:
    """Return the file that lies beside `source` under its name, in it, or in a folder in it with the encoder's name."""
    candidates = (source.with_name(file.name) if source.is_file() else source / file.name, source / encoder / file.name)
    found = next((path for path in candidates if path.is_file()), None)
    if found is None:
        raise WeightsError(
            f"ENCODER_SOURCE={source}: expected {file.name}, or a folder with it, as from {file.url}. Without "
            "ENCODER_SOURCE it is downloaded from there."
        )
    return found


def _require_known(path: Path, file: PublishedFile, source: Path | None) -> None:
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    if any(digest.startswith(known) for known in file.known):
        return
    listing = "\n".join(f"  {known}  {what}" for known, what in file.known.items())
    raise WeightsError(
        f"{file.name} from {source or file.url}: damaged, or another file. Its SHA-256 is {digest}, expected\n"
        f"{listing}\n"
        "Two ways to get it:\n"
        f"  without ENCODER_SOURCE           it is downloaded from {file.url}\n"
        "  ENCODER_SOURCE=/path/to/folder   takes it from a copy you have\n"
        "If this is the file that you want, write how its SHA-256 begins at sources.<encoder>.revision in "
        "studies/encoders/params.yaml."
    )
