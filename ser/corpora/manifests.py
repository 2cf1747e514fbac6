"""The manifest of a corpus as a file, which `sources.read_manifest` reads again."""

from pathlib import Path

from ser.corpora.sources import Manifest
from ser.storage.files import replacing


def write_manifest(manifest: Manifest, path: Path) -> None:
    """Write `MD5  PATH` lines, the format of `md5sum -c`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text("".join(f"{md5}  {name}\n" for name, md5 in sorted(manifest.items())), encoding="utf-8")
