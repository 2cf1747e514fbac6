"""Archives, folders and downloads → the same checked clips."""

import errno
import hashlib
import io
import os
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import soundfile

from ser.corpora.corpus import CorpusError
from ser.corpora.ravdess import all_names
from ser.corpora.sources import copy_clips, download, read_manifest
from ser.storage.files import replacing_folder

CLIPS = all_names(2)[::30]  # two clips each of two actors


def encode(seed: int) -> bytes:
    """A short WAV file's bytes, noise of the seed."""
    samples = np.random.default_rng(seed).normal(0, 0.1, 480)
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, 48_000, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def contents() -> dict[PurePosixPath, bytes]:
    return {path: encode(seed) for seed, path in enumerate(CLIPS)}


@pytest.fixture(scope="module")
def manifest(contents) -> dict[PurePosixPath, str]:
    return {path: hashlib.md5(content).hexdigest() for path, content in contents.items()}


def pack(path: Path, members: list[tuple[str, bytes]], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write an archive; names are kept as they are, twice or leading out of it."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def lay(folder: Path, members: list[tuple[str, bytes]]) -> Path:
    """Write a folder."""
    for name, content in members:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def tree(folder: Path) -> dict[PurePosixPath, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {PurePosixPath(path.relative_to(folder).as_posix()): path.read_bytes() for path in files}


LAYOUTS = {
    "as published": str,
    "nested": lambda path: f"some/where/{path}",
    "flat": lambda path: path.name,
    "actors mixed up": lambda path: f"Actor_09/{path.name}",
    "capitals": lambda path: f"{path.parent}/{path.stem}.WAV",
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_STORED, None])
def test_every_source_gives_the_same_files(tmp_path, contents, manifest, layout, compression):
    members = [(LAYOUTS[layout](path), content) for path, content in contents.items()]
    source = tmp_path / "source"
    if compression is None:
        lay(source, members)
    else:
        pack(source, members, compression)
    copy_clips(source, manifest, tmp_path / "raw")
    assert tree(tmp_path / "raw") == contents


def test_windows_separators_in_an_archive_are_understood(tmp_path, contents, manifest):
    members = [(str(path).replace("/", "\\"), content) for path, content in contents.items()]
    copy_clips(pack(tmp_path / "source.zip", members), manifest, tmp_path / "raw")
    assert tree(tmp_path / "raw") == contents


def test_files_that_are_no_clips_are_ignored(tmp_path, contents, manifest):
    other = [("README.md", b"x"), (".DS_Store", b"x"), (f"__MACOSX/Actor_01/._{CLIPS[0].name}", b"x")]
    members = [*((str(path), content) for path, content in contents.items()), *other]
    copy_clips(pack(tmp_path / "source.zip", members), manifest, tmp_path / "raw")
    assert tree(tmp_path / "raw") == contents


@pytest.mark.parametrize("name", ["../{}", "Actor_01/../../{}", "/tmp/{}", "C:\\{}", "..\\{}"])
def test_an_archive_whose_names_lead_out_of_it_is_refused(tmp_path, contents, manifest, name):
    escaping = name.format(CLIPS[0].name)
    members = [*((str(path), content) for path, content in contents.items()), (escaping, contents[CLIPS[0]])]
    with pytest.raises(CorpusError) as error:
        copy_clips(pack(tmp_path / "source.zip", members), manifest, tmp_path / "in" / "raw")
    assert "lead out of the archive" in str(error.value)
    assert escaping in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["source.zip"]


@pytest.mark.parametrize("write", [pack, lay])
def test_all_deviations_from_the_manifest_are_named_at_once(tmp_path, contents, manifest, write):
    missing, truncated, altered, right = CLIPS
    members = [
        (str(truncated), contents[truncated][:-100]),
        (str(altered), contents[altered][:-1] + b"?"),
        (str(right), contents[right]),
        ("Actor_01/my_voice.wav", b"x"),
    ]
    with pytest.raises(CorpusError) as error:
        copy_clips(write(tmp_path / "source", members), manifest, tmp_path / "raw")
    assert [line.strip() for line in str(error.value).splitlines()[1:-1]] == [
        f"{missing}: missing",
        "Actor_01/my_voice.wav: extra, no clip of the corpus",
        f"{truncated}: truncated, 100 bytes are missing",
        f"{altered}: altered, its MD5 differs",
    ]
    assert str(error.value).endswith("\nIt holds 4 .wav")


def test_a_long_list_of_deviations_is_cut(tmp_path):
    (tmp_path / "source").mkdir()
    with pytest.raises(CorpusError, match="… and 1420 more missing") as error:
        copy_clips(tmp_path / "source", dict.fromkeys(all_names(), ""), tmp_path / "raw")
    assert str(error.value).count(": missing") == 20


def test_altered_clips_are_named_beside_any_number_of_missing_ones(tmp_path):
    names = all_names()
    lay(tmp_path / "source", [(str(path), b"RIFF") for path in names[-60:]])
    with pytest.raises(CorpusError) as error:
        copy_clips(tmp_path / "source", dict.fromkeys(names, ""), tmp_path / "raw")
    lines = str(error.value).splitlines()
    assert sum("Actor_24" in line for line in lines) == 20
    assert [line.strip() for line in lines if "more" in line] == ["… and 1360 more missing", "… and 40 more truncated"]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["Audio_Speech_Actors_01-24.zip"], "It holds 1 .zip\nname the archive itself: Audio_Speech_Actors_01-24.zip"),
        ([f"{path.with_suffix('.flac')}" for path in CLIPS], "It holds 4 .flac\nconverted clips are not taken"),
        ([], "It holds no files"),
    ],
)
def test_what_lies_in_the_place_of_clips_is_said(names, words, tmp_path, manifest):
    (tmp_path / "source").mkdir()
    lay(tmp_path / "source", [(name, b"x") for name in names])
    with pytest.raises(CorpusError) as error:
        copy_clips(tmp_path / "source", manifest, tmp_path / "raw")
    assert words in str(error.value)


def test_links_to_folders_are_followed_and_a_circle_ends(tmp_path, contents, manifest):
    lay(tmp_path / "elsewhere", [(str(path), content) for path, content in contents.items()])
    (tmp_path / "source").mkdir()
    for folder in (tmp_path / "elsewhere").iterdir():
        (tmp_path / "source" / folder.name).symlink_to(folder)
    (tmp_path / "source/circle").symlink_to(tmp_path / "source")
    copy_clips(tmp_path / "source", manifest, tmp_path / "raw")
    assert tree(tmp_path / "raw") == contents


def test_a_folder_without_permission_is_named(tmp_path, contents, manifest, monkeypatch):
    lay(tmp_path / "source", [(str(path), content) for path, content in contents.items()])
    closed, scandir = str(tmp_path / "source/Actor_01"), os.scandir

    def scan(path: str):  # root may read all, so a closed folder is played
        if str(path) == closed:
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", scan)
    with pytest.raises(CorpusError, match="folders that cannot be read") as error:
        copy_clips(tmp_path / "source", manifest, tmp_path / "raw")
    assert str(error.value).splitlines()[1:] == [f"  {closed}: Permission denied"]


@pytest.mark.parametrize("copy", ["copy/{}", "{}"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_clip_held_twice_must_have_one_content(tmp_path, contents, manifest, copy):
    members = [(str(path), content) for path, content in contents.items()]
    twice = copy.format(CLIPS[0])
    copy_clips(pack(tmp_path / "same.zip", [*members, (twice, contents[CLIPS[0]])]), manifest, tmp_path / "raw")
    assert tree(tmp_path / "raw") == contents
    different = pack(tmp_path / "different.zip", [(twice, contents[CLIPS[1]]), *members])
    with pytest.raises(CorpusError, match=f"{CLIPS[0]}: different content in"):
        copy_clips(different, manifest, tmp_path / "other")


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_STORED])
def test_a_damaged_member_is_named(tmp_path, contents, manifest, compression):
    source = pack(tmp_path / "source.zip", [(str(path), content) for path, content in contents.items()], compression)
    with zipfile.ZipFile(source) as archive:
        start = archive.infolist()[1].header_offset
    damaged = bytearray(source.read_bytes())
    damaged[start + 300 : start + 400] = bytes(100)
    source.write_bytes(damaged)
    with pytest.raises(CorpusError, match=f"{CLIPS[1]}: unreadable") as error:
        copy_clips(source, manifest, tmp_path / "raw")
    assert len(str(error.value).splitlines()) == 2


def test_a_source_that_does_not_exist_is_named(tmp_path, manifest):
    with pytest.raises(CorpusError, match="nowhere: no such file or folder"):
        copy_clips(tmp_path / "nowhere", manifest, tmp_path / "raw")


def test_a_file_that_is_no_whole_archive_is_named(tmp_path, contents, manifest):
    whole = pack(tmp_path / "whole.zip", [(str(path), content) for path, content in contents.items()]).read_bytes()
    for content in (b"", b"no archive", whole[: len(whole) // 2]):
        (tmp_path / "source.zip").write_bytes(content)
        with pytest.raises(CorpusError, match=r"source\.zip: expected a folder or a whole zip archive"):
            copy_clips(tmp_path / "source.zip", manifest, tmp_path / "raw")


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    lay(tmp_path / "raw", [("old", b"old")])
    with replacing_folder(tmp_path / "raw") as folder:
        lay(folder, [("new", b"new")])
    assert tree(tmp_path) == {PurePosixPath("raw/new"): b"new"}


def test_a_link_in_the_place_of_a_folder_is_refused_before_the_work(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "raw").symlink_to("elsewhere")
    with (
        pytest.raises(FileExistsError, match="raw is a link to elsewhere; remove it"),
        replacing_folder(tmp_path / "raw"),
    ):
        pytest.fail("work is done")
    assert [path.name for path in tmp_path.iterdir() if not path.is_symlink()] == ["elsewhere"]


@pytest.mark.parametrize("interruption", [CorpusError, KeyboardInterrupt])
def test_an_interrupted_folder_leaves_nothing_behind(tmp_path, interruption):
    lay(tmp_path / "raw", [("old", b"old")])
    with pytest.raises(interruption), replacing_folder(tmp_path / "raw") as folder:
        lay(folder, [("new", b"new")])
        raise interruption
    assert tree(tmp_path) == {PurePosixPath("raw/old"): b"old"}


def test_the_committed_manifest_covers_the_corpus():
    manifest = read_manifest(Path(__file__).parent.parent / "data" / "manifests" / "ravdess.md5")
    assert sorted(manifest) == all_names()
    assert all(len(md5) == 32 and int(md5, 16) for md5 in manifest.values())
    assert len(set(manifest.values())) == 1439  # one pair of Actor_07 is identical


class Server(ThreadingHTTPServer):
    """Serves a folder on a free port of this machine and counts the requests."""

    def __init__(self, folder: Path) -> None:
        self.requests = 0
        super().__init__(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder)))

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"


class QuietHandler(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.requests += 1
        super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path):
    (tmp_path / "served").mkdir()
    with Server(tmp_path / "served") as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


def test_the_archive_is_downloaded_once(tmp_path, server):
    (tmp_path / "served" / "corpus.zip").write_bytes(b"archive")
    md5 = hashlib.md5(b"archive").hexdigest()
    for _ in range(2):
        archive = download(tmp_path / "cache", server.url("corpus.zip"), md5)
        assert archive.read_bytes() == b"archive"
    assert tree(tmp_path / "cache") == {PurePosixPath("corpus.zip"): b"archive"}
    assert server.requests == 1


def test_a_damaged_archive_in_the_cache_is_downloaded_again(tmp_path, server):
    (tmp_path / "served" / "corpus.zip").write_bytes(b"archive")
    lay(tmp_path / "cache", [("corpus.zip", b"half of it")])
    assert download(tmp_path / "cache", server.url("corpus.zip"), hashlib.md5(b"archive").hexdigest()).read_bytes()


def test_an_archive_with_another_hash_is_not_kept(tmp_path, server):
    (tmp_path / "served" / "corpus.zip").write_bytes(b"something else")
    with pytest.raises(CorpusError, match="hash"):
        download(tmp_path / "cache", server.url("corpus.zip"), hashlib.md5(b"archive").hexdigest(), retries=0)
    assert tree(tmp_path / "cache") == {}


def test_a_failed_download_is_tried_again(tmp_path, server):
    with pytest.raises(CorpusError):
        download(tmp_path / "cache", server.url("nothing.zip"), "0" * 32, retries=1)
    assert server.requests == 2


@pytest.mark.parametrize("running", [True, False])
def test_a_download_that_fails_names_the_url_and_the_other_ways(tmp_path, server, running):
    url = server.url("nothing.zip") if running else "http://127.0.0.1:9/nothing.zip"  # port 9: nothing listens
    with pytest.raises(CorpusError) as error:
        download(tmp_path / "cache", url, "0" * 32, retries=0)
    for part in (url, "RAVDESS_SOURCE=/path/to/zip-or-folder", "corpus.name: synthetic"):
        assert part in str(error.value)
    assert tree(tmp_path / "cache") == {}
