"""`fetch_weights` of encoders that are published as files: server or folder, hashes, clean errors, nothing half."""

import hashlib
import json
import sys
from pathlib import Path

import pytest

from ser.encoders import published
from ser.encoders.kinds import load_any
from ser.encoders.published import FILES, YAMNET, PublishedFile
from ser.encoders.vggish import FILE, PCA_FILE
from studies.encoders import fetch_weights
from tests.tiny_encoders import COMMIT, save_yamnet, serving, speechlike

WEIGHTS = Path("studies/encoders/weights/small")
NOWHERE = "http://127.0.0.1:9"  # port of discard: nothing listens


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Path:
    """A folder with a random encoder in yamnet/, and with files under the names of VGGish's in vggish/."""
    base = tmp_path_factory.mktemp("sources")
    (base / "yamnet").mkdir()
    (save_yamnet(base / "yamnet") / "config.json").unlink()
    (base / "vggish").mkdir()
    for name in (FILE, PCA_FILE):
        (base / "vggish" / name).write_text(name)
    return base


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A project with an encoder `small`, as working directory, and servers that are not there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ENCODER_SOURCE", raising=False)
    monkeypatch.setattr(sys, "argv", ["fetch_weights", "small"])
    serve_from(monkeypatch, NOWHERE)
    return tmp_path


def serve_from(monkeypatch, address: str) -> None:
    """Have all published files be at an address."""
    for encoder, files in FILES.items():
        moved = tuple(PublishedFile(file.name, f"{address}/{file.name}", file.known) for file in files)
        monkeypatch.setitem(FILES, encoder, moved)


def know(monkeypatch, encoder: str, folder: Path) -> None:
    """Have the files in a folder be the known ones."""
    files = [
        PublishedFile(file.name, file.url, {hashlib.sha256((folder / file.name).read_bytes()).hexdigest(): "random"})
        for file in FILES[encoder]
    ]
    monkeypatch.setitem(FILES, encoder, tuple(files))


def choose(name: str, revision: str = "known") -> None:
    Path("studies/encoders").mkdir(parents=True, exist_ok=True)
    source = json.dumps({"sources": {"small": {"name": name, "revision": revision}}})
    Path("studies/encoders/params.yaml").write_text(source)


def failure() -> str:
    with pytest.raises(SystemExit) as raised:
        fetch_weights.main()
    assert not WEIGHTS.exists()
    assert not WEIGHTS.parent.exists() or not list(WEIGHTS.parent.iterdir())
    return str(raised.value)


@pytest.mark.parametrize("encoder", ["yamnet", "vggish"])
def test_server_file_and_folders_give_the_same_files(encoder, project, sources, monkeypatch):
    choose(encoder)
    with serving(sources / encoder, "any") as address:
        serve_from(monkeypatch, f"{address}/any/resolve/{COMMIT}")
        know(monkeypatch, encoder, sources / encoder)
        fetch_weights.main()
    names = {file.name for file in FILES[encoder]}
    downloaded = {path.name: path.read_bytes() for path in WEIGHTS.iterdir()}
    assert downloaded.keys() == {"config.json", *names}
    assert json.loads(downloaded["config.json"]) == {"model_type": encoder}
    for source in (sources, sources / encoder, sources / encoder / FILES[encoder][0].name):
        monkeypatch.setenv("ENCODER_SOURCE", str(source))
        fetch_weights.main()
        assert {path.name: path.read_bytes() for path in WEIGHTS.iterdir()} == downloaded
    if encoder == "yamnet":
        assert load_any(WEIGHTS)(speechlike(1.0, 1)).isfinite().all()


def test_the_published_hashes_are_checked_and_both_ways_are_named(project, sources, monkeypatch):
    choose("yamnet")
    monkeypatch.setenv("ENCODER_SOURCE", str(sources))
    message = failure()
    digest = hashlib.sha256((sources / "yamnet/yamnet.h5").read_bytes()).hexdigest()
    assert f"Its SHA-256 is {digest}, expected\n" in message
    for known, what in YAMNET.known.items():
        assert f"  {known}  {what}\n" in message
    assert "without ENCODER_SOURCE           it is downloaded from http" in message
    assert "ENCODER_SOURCE=/path/to/folder   takes it from a copy you have" in message
    assert "sources.<encoder>.revision in studies/encoders/params.yaml" in message


def test_the_ends_of_vggishs_names_are_hashes(project, sources, monkeypatch):
    choose("vggish")
    monkeypatch.setenv("ENCODER_SOURCE", str(sources))
    assert "expected\n  10086976  as published\n" in failure()
    assert [file.known for file in FILES["vggish"]] == [{"10086976": "as published"}, {"970ea276": "as published"}]
    assert [file.name for file in FILES["vggish"]] == [FILE, PCA_FILE]


def test_another_file_is_taken_when_the_params_say_its_hash(project, sources, monkeypatch):
    digest = hashlib.sha256((sources / "yamnet/yamnet.h5").read_bytes()).hexdigest()
    choose("yamnet", digest[:12].upper())
    monkeypatch.setenv("ENCODER_SOURCE", str(sources))
    fetch_weights.main()
    assert (WEIGHTS / "yamnet.h5").read_bytes() == (sources / "yamnet/yamnet.h5").read_bytes()


@pytest.mark.parametrize("revision", ["main", "", "12ab"])
def test_a_revision_that_is_no_hash_is_named(revision, project, sources, monkeypatch):
    choose("yamnet", revision)
    monkeypatch.setenv("ENCODER_SOURCE", str(sources))
    assert f"sources.<encoder>.revision is {revision!r}; allowed: known, or 8 or more digits" in failure()


def test_without_server_and_folder_both_ways_are_named(project):
    choose("yamnet")
    message = failure()
    assert message.startswith(f"fetch_weights: no weights: {NOWHERE}/yamnet.h5 gave none (")
    assert "ENCODER_SOURCE=/path/to/folder   takes yamnet.h5 from a copy you have" in message


def test_a_download_of_another_file_is_refused(project, tmp_path, monkeypatch):
    choose("yamnet")
    (tmp_path / "page").mkdir()
    (tmp_path / "page/yamnet.h5").write_text("<html>please sign in</html>")
    with serving(tmp_path / "page", "any") as address:
        serve_from(monkeypatch, f"{address}/any/resolve/{COMMIT}")
        assert f"yamnet.h5 from {address}" in (message := failure())
    assert "damaged, or another file" in message


def test_a_folder_without_the_file_is_named(project, tmp_path, monkeypatch):
    choose("vggish")
    for source in (tmp_path, Path("/nowhere")):
        monkeypatch.setenv("ENCODER_SOURCE", str(source))
        message = failure()
        assert f"ENCODER_SOURCE={source}: expected {FILE}, or a folder with it" in message
        assert "Without ENCODER_SOURCE it is downloaded from there" in message


def test_published_hashes_are_whole():
    assert all(len(known) == 64 for known in YAMNET.known)
    assert published.KNOWN == "known"
