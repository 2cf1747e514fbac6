"""npm packages of the page: fetched by name and version, checked by hash, never installed."""

import base64
import dataclasses
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from ser.storage.files import replacing


@dataclasses.dataclass(frozen=True)
class Package:
    """A version of an npm package; integrity: as `npm view NAME dist.integrity` prints it."""

    name: str
    version: str
    integrity: str

    @property
    def archive(self) -> str:
        return f"{self.name}-{self.version}.tgz"


RUNTIME = Package(
    "onnxruntime-web",
    "1.30.0",
    "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ==",
)
WAVEFORM = Package(
    "wavesurfer.js",
    "8.0.1",
    "sha512-h0OnRWSVTqIYLSw3/IVrBtsun/xw9L5u4FA3bjfSDTFMX/xswVWS1JwK4fFu3ulmxRUSHg8zQORl6zENG983eg==",
)
ACCESSIBILITY = Package(  # of the tests; not on the page
    "axe-core",
    "4.14.1",
    "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
)


def read_package(package: Package, names: list[str], cache: Path) -> dict[str, bytes]:
    """Return files of a package by their names; the archive is kept in `cache`.

    ValueError where the archive has another hash or lacks a file; OSError where npm is missing or fails.
    """
    archive = cache / package.archive
    if not archive.is_file():
        _fetch(package, archive)
    found = _integrity(archive.read_bytes())
    if found != package.integrity:
        raise ValueError(f"{archive}: its hash is {found}, expected {package.integrity}. Delete it and try again.")
    with tarfile.open(archive) as content:
        members = {member.name.removeprefix("package/"): member for member in content if member.isfile()}
        missing = [name for name in names if name not in members]
        if missing:
            raise ValueError(f"{archive}: lacks {missing}")
        return {name: content.extractfile(members[name]).read() for name in names}


def _fetch(package: Package, archive: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError("npm is not installed, and the page needs packages from its registry. Install Node.js.")
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", "--ignore-scripts", "--silent", f"{package.name}@{package.version}"]
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        fetched = list(Path(folder).glob("*.tgz"))
        if run.returncode or len(fetched) != 1:
            reason = (run.stderr or run.stdout).strip() or "it said nothing"
            raise OSError(f"npm could not fetch {package.name}@{package.version}: {reason}")
        with replacing(archive) as temporary:
            shutil.copyfile(fetched[0], temporary)


def _integrity(content: bytes) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()
