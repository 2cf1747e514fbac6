"""Sources of a corpus: Zenodo, a local archive or a folder. All give the same checked files."""

import contextlib
import functools
import hashlib
import lzma
import os
import queue
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import NamedTuple

import pooch
from tqdm import tqdm

from ser.corpora.corpus import Corpus, CorpusError
from ser.corpora.wav import missing_bytes

ARCHIVE_URL = "https://zenodo.org/records/1188976/files/Audio_Speech_Actors_01-24.zip"
ARCHIVE_MD5 = "bc696df654c87fed845eb13823edef8a"  # stated by Zenodo; 208,468,073 bytes
OTHER_WAYS = (
    "Two other ways to get a corpus:\n"
    "  RAVDESS_SOURCE=/path/to/zip-or-folder   takes the clips from a copy you have\n"
    "  corpus.name: synthetic                  in params.yaml makes a small corpus offline"
)
DAMAGED_MEMBER = (zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)
THREADS = 2  # hashing, LZMA and deflate release the interpreter's lock
LISTED = 20  # of each kind of problem
SOUNDS = (".wav", ".flac")  # that ingest reads
CONVERTED = {".flac", ".mp3", ".ogg", ".m4a", ".opus", ".mp4"}

Manifest = dict[PurePosixPath, str]
Reader = Callable[[str], set[bytes]]  # a member → its contents; archives may hold several under one name


class Problem(NamedTuple):
    """What is wrong with a clip or a file."""

    name: PurePosixPath | str
    kind: str
    details: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.kind}{self.details}"


def read_manifest(path: Path) -> Manifest:
    """Read `MD5  Actor_NN/NAME.wav` lines (the format of `md5sum -c`) into path → MD5.

    CorpusError says how to make one that is not there.
    """
    if not path.exists():
        raise CorpusError(
            f"{path}: no such manifest. `python -m scripts.manifest {path.stem}` makes it from a copy of the corpus."
        )
    lines = path.read_text(encoding="utf-8").splitlines()
    return {PurePosixPath(name): md5 for md5, name in (line.split(maxsplit=1) for line in lines)}


def download(cache: Path, url: str = ARCHIVE_URL, md5: str = ARCHIVE_MD5, retries: int = 3) -> Path:
    """Return the published archive, downloaded into `cache` unless it is there already with the right MD5.

    CorpusError says what could not be reached or did not match, and names the other ways to get a corpus.
    """
    name = PurePosixPath(url).name
    store = pooch.create(cache, base_url="", urls={name: url}, registry={name: f"md5:{md5}"}, retry_if_failed=retries)
    try:
        return Path(store.fetch(name, progressbar=True))
    except (OSError, ValueError) as error:  # unreachable, refused, disk full; wrong hash
        raise CorpusError(f"could not download {url} into {cache}: {error}\n{OTHER_WAYS}") from error


def copy_clips(source: Path, manifest: Manifest, target: Path) -> None:
    """Write the manifest's clips, found by file name at any depth of an archive or folder, to `target`/Actor_NN/.

    CorpusError lists every clip that is missing, extra, altered, truncated or there twice with different content.
    """
    members = list_members(source)
    found, extra = locate_clips(members, manifest)
    problems = [Problem(path, "missing") for path in manifest if path not in found]
    problems += [Problem(member, "extra", ", no clip of the corpus") for member in extra]
    for folder in {path.parent for path in found}:
        (target / folder).mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(THREADS) as pool:
        readers = queue.SimpleQueue()  # one for each thread: a ZipFile counts its open members without a lock
        for _ in range(THREADS):
            readers.put(stack.enter_context(_reader(source)))
        copy = functools.partial(_copy_clip, readers, manifest, target)
        outcomes = tqdm(pool.map(copy, found.items()), total=len(found), desc="checking clips", unit="clip")
        problems += [problem for problem in outcomes if problem]
    if problems:
        kinds = {problem.kind: [str(other) for other in problems if other.kind == problem.kind] for problem in problems}
        listing = "\n".join(_listing(lines, kind) for kind, lines in kinds.items())
        others = _others(members) if "missing" in kinds else ""
        raise CorpusError(f"{source} is not the corpus of the manifest:\n{listing}{others}")


def describe_source(source: Path, corpus: Corpus) -> Manifest:
    """Return the manifest of a copy of a corpus: the MD5 of every clip by the end of its path, as published.

    CorpusError lists sounds whose names are none of the corpus's, and clips that are there twice.
    """
    depth, manifest, problems = len(PurePosixPath(corpus.layout).parts), {}, []
    with _reader(source) as read:
        for member in tqdm(list_members(source), desc="hashing clips", unit="file"):
            path = PurePosixPath(*PureWindowsPath(member).parts[-depth:])
            if path.suffix.lower() not in SOUNDS or path.name.startswith("._"):
                continue
            try:
                corpus.parse(path)
            except ValueError as error:
                problems.append(f"{member}: {error}")
                continue
            contents = read(member)
            if path in manifest or len(contents) > 1:
                problems.append(f"{member}: there twice")
            manifest[path] = hashlib.md5(contents.pop()).hexdigest()
    if problems or not manifest:
        raise CorpusError(f"{source} is no copy of {corpus.title}:\n" + (_listing(problems) or "  no sound in it"))
    return manifest


def list_members(source: Path) -> list[str]:
    """List the files of a folder or archive, sorted; CorpusError if it is neither or a name leads out of it.

    A folder's links are followed. CorpusError lists the folders that cannot be read.
    """
    if source.is_dir():
        return _list_folder(source)
    try:
        with zipfile.ZipFile(source) as archive:
            members = sorted({info.filename for info in archive.infolist() if not info.is_dir()})
    except FileNotFoundError:
        raise CorpusError(f"{source}: no such file or folder; expected a zip archive or a folder of clips") from None
    except (OSError, zipfile.BadZipFile) as error:
        raise CorpusError(f"{source}: expected a folder or a whole zip archive, but: {error}") from error
    outside = [member for member in members if _leads_out(member)]
    if outside:
        raise CorpusError(f"{source}: refused, for these names lead out of the archive:\n{_listing(outside)}")
    return members


def _list_folder(source: Path) -> list[str]:
    members, unreadable, seen = [], [], set()
    for place, folders, names in os.walk(source, onerror=unreadable.append, followlinks=True):
        if (real := os.path.realpath(place)) in seen:  # a link to a folder above, or to one twice
            folders.clear()
            continue
        seen.add(real)
        members += [(Path(place) / name).relative_to(source).as_posix() for name in names]
    if unreadable:
        listing = _listing(sorted(f"{error.filename}: {error.strerror}" for error in unreadable))
        raise CorpusError(f"{source} has folders that cannot be read; give yourself the permission:\n{listing}")
    return sorted(members)


def locate_clips(members: list[str], manifest: Manifest) -> tuple[dict[PurePosixPath, list[str]], list[str]]:
    """Sort files by the end of their paths into clips of the manifest, each with all its members, and extra ones.

    A clip is known by its name alone, or by its folder's too where several clips have one name.
    """
    depth = 1 if len({path.name.lower() for path in manifest}) == len(manifest) else 2
    wanted = {_end(path, depth): path for path in manifest}
    suffixes = {path.suffix.lower() for path in manifest}
    found, extra = defaultdict(list), []
    for member in members:
        path = PureWindowsPath(member)  # takes / and \ alike, as archives made on Windows need
        if path.suffix.lower() not in suffixes or path.name.startswith("._"):  # ._ names hold macOS attributes
            continue
        clip = wanted.get(_end(path, depth))
        (extra if clip is None else found[clip]).append(member)
    return dict(found), extra


def _end(path: PurePath, depth: int) -> str:
    return "/".join(path.parts[-depth:]).lower()


@contextlib.contextmanager
def _reader(source: Path) -> Iterator[Reader]:
    if source.is_dir():
        yield lambda member: {(source / member).read_bytes()}
    else:
        with zipfile.ZipFile(source) as archive:
            members = defaultdict(list)
            for info in archive.infolist():
                members[info.filename].append(info)
            yield lambda member: {archive.read(info) for info in members[member]}


def _copy_clip(
    readers: queue.SimpleQueue, manifest: Manifest, target: Path, found: tuple[PurePosixPath, list[str]]
) -> Problem | None:
    """Write one clip, or return what is wrong with it."""
    path, members = found
    read = readers.get()
    try:
        contents = set().union(*map(read, members))
    except DAMAGED_MEMBER as error:
        return Problem(path, "unreadable", f" ({error})")
    finally:
        readers.put(read)
    content = contents.pop()
    if contents:
        return Problem(path, "different", f" content in {', '.join(members)}")
    if hashlib.md5(content).hexdigest() != manifest[path]:
        missing = missing_bytes(content) if path.suffix.lower() == ".wav" else 0
        if missing:
            return Problem(path, "truncated", f", {missing} bytes are missing")
        return Problem(path, "altered", ", its MD5 differs")
    (target / path).write_bytes(content)
    return None


def _leads_out(member: str) -> bool:
    path = PureWindowsPath(member)
    return bool(path.anchor) or ".." in path.parts


def _others(members: list[str]) -> str:
    """Say what a source without some clips has beside WAVs, as an archive in a folder or clips that were converted."""
    suffixes = Counter(PureWindowsPath(member).suffix.lower() for member in members)
    counts = ", ".join(f"{count} {suffix or 'without an ending'}" for suffix, count in suffixes.most_common(LISTED))
    archives = [member for member in members if member.lower().endswith(".zip")]
    hints = [f"name the archive itself: {member}" for member in archives[:1]]
    if suffixes.keys() & CONVERTED:
        hints.append("converted clips are not taken: their bytes are not those of the published WAV files")
    return "\n".join(["", f"It holds {counts or 'no files'}", *hints])


def _listing(problems: list[str], kind: str = "") -> str:
    more = [f"… and {len(problems) - LISTED} more {kind}".rstrip()] if len(problems) > LISTED else []
    return "\n".join(f"  {line}" for line in problems[:LISTED] + more)
