"""Notes which files of the project a DVC stage opens, and which params it reads.

Python runs this at start-up wherever this folder is in PYTHONPATH; outside of a stage it does nothing. Children of the
stage's process note theirs too: they inherit PYTHONPATH, and the names of project and stage that DVC sets. The lines
`read PATH`, `write PATH` and `param KEY` go to the file $STAGE_NOTES/STAGE as they happen, each once a process.
"""

import atexit
import ctypes
import functools
import os
import struct
import sys
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

WRITING = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC
# <sys/inotify.h>
IN_CLOSE_WRITE, IN_OPEN, IN_MOVED_TO, IN_CREATE, IN_Q_OVERFLOW, IN_ISDIR = 0x8, 0x20, 0x80, 0x100, 0x4000, 0x40000000


class NotedParams(dict):
    """A mapping of params that notes every value taken out of it; a section counts by the values taken out of that.

    dict's own C code would pass `__getitem__` by; Mapping's methods go through it.
    """

    def __init__(self, values: dict[str, Any], note: Any, prefix: str = "") -> None:
        super().__init__(
            {k: NotedParams(v, note, f"{prefix}{k}.") if isinstance(v, dict) else v for k, v in values.items()}
        )
        self._note, self._prefix = note, prefix

    def __getitem__(self, key: str) -> Any:
        value = super().__getitem__(key)
        if not isinstance(value, dict):
            self._note("param", self._prefix + key)
        return value

    def __iter__(self) -> Any:  # defined anew, so that dict(params) and {**params} take no short cut either
        return super().__iter__()

    def __or__(self, other: Mapping) -> dict:
        return {**self, **other}

    def copy(self) -> dict:
        return dict(self)

    get, items, values, pop = Mapping.get, Mapping.items, Mapping.values, MutableMapping.pop


def start(project: Path, notes: Path) -> None:
    """Begin to note what this process and its children do in `project`."""
    file = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND)  # lines of several processes do not mix

    @functools.cache  # that is, once
    def note(kind: str, what: str) -> None:
        os.write(file, f"{kind} {what}\n".encode())

    def note_path(kind: str, path: Any) -> None:
        if isinstance(path, str | bytes | os.PathLike):
            path = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 as Path would call what is being audited
            if path.startswith(f"{project}/"):
                note(kind, path[len(str(project)) + 1 :])

    note_params(project / "params.yaml", note)
    if sys.platform == "linux":
        note_native(project, note_path)
    note_python(note_path)


def note_params(path: Path, note: Any) -> None:
    """Let every load of this file by ruamel.yaml return a mapping that notes what is read from it.

    A check of all bounds reads everything, but no output depends on it: it sees the values themselves.
    """
    from ruamel.yaml import YAML

    load, params = YAML.load, YAML(typ="safe").load(path.read_text(encoding="utf-8"))

    def noted_load(*arguments: Any, **options: Any) -> Any:
        value = load(*arguments, **options)
        if value != params:
            return value
        module = sys.modules.get("ser.storage.params")
        if module and module.breaches is not unnoted:
            unnoted.check, module.breaches = module.breaches, unnoted
        return NotedParams(value, note)

    def unnoted(_: NotedParams) -> Any:
        return unnoted.check(params)

    YAML.load = noted_load


def note_python(note_path: Any) -> None:
    """Note what Python opens, lists and renames; a failed attempt counts, as a stage depends on what it looks for."""

    def hook(event: str, arguments: tuple) -> None:
        if event == "open":
            path, _, flags = arguments
            note_path("write" if flags & WRITING else "read", path)
        elif event in ("os.listdir", "os.scandir"):
            if isinstance(arguments[0], str | os.PathLike) and os.path.isdir(arguments[0]):  # noqa: PTH112 as above
                note_path("read", arguments[0])
        elif event == "os.rename":
            note_path("write", arguments[1])

    sys.addaudithook(hook)


def note_native(project: Path, note_path: Any) -> None:
    """Note at exit what anything opened, C libraries that no audit hook sees included (libsndfile, LightGBM).

    By inotify, which only Linux has. Any process counts, so nobody else may touch the project meanwhile; DVC itself
    waits while a stage runs.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    queue = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    folders = [project, *(path for path in project.rglob("*") if path.is_dir() and not path.is_symlink())]
    events = IN_OPEN | IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE
    visible = [folder for folder in folders if not folder.relative_to(project).as_posix().startswith(".dvc")]
    watched = {libc.inotify_add_watch(queue, os.fsencode(folder), events): folder for folder in visible}
    if queue < 0 or -1 in watched:
        raise OSError(ctypes.get_errno(), "inotify")
    atexit.register(note_events, queue, watched, note_path)


def note_events(queue: int, watched: dict[int, Path], note_path: Any) -> None:
    """Note all events in the queue: a file that was opened and never written was read."""
    opened, written = set(), set()
    while True:
        try:
            events = os.read(queue, 1 << 16)
        except BlockingIOError:
            break
        while events:
            watch, mask, _, length = struct.unpack_from("iIII", events)
            name, events = events[16 : 16 + length].rstrip(b"\0"), events[16 + length :]
            if mask & IN_Q_OVERFLOW:
                print("inotify lost events, see /proc/sys/fs/inotify/max_queued_events", file=sys.stderr, flush=True)
                os._exit(1)  # fails the stage, as an exception at exit would not
            if not mask & IN_ISDIR:
                path = watched[watch] / os.fsdecode(name)
                (opened if mask & IN_OPEN else written).add(path)
    for path in opened | written:
        note_path("write" if path in written else "read", path)


if "DVC_STAGE" in os.environ and "STAGE_NOTES" in os.environ:
    start(Path(os.environ["DVC_ROOT"]), Path(os.environ["STAGE_NOTES"], os.environ["DVC_STAGE"]))
