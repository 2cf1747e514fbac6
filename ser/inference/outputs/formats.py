"""The formats by their names: what writes each, and whether a file of it holds one recording or all."""

import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from ser.inference.outputs.about import About
from ser.inference.outputs.names import unique_names
from ser.inference.rows import Heard, Problem
from ser.inference.writing import replacing

# Format: its module and its suffix
OF_ALL = {
    "table": ("table", ".txt"),
    "csv": ("comma_separated", ".csv"),
    "json": ("json_document", ".json"),
    "jsonl": ("jsonl", ".jsonl"),
    "parquet": ("parquet", ".parquet"),
}
OF_ONE = {"audacity": ("audacity", ".txt"), "textgrid": ("textgrid", ".TextGrid"), "vtt": ("vtt", ".vtt")}
FORMATS = (*OF_ALL, *OF_ONE)
BY_SUFFIX = {".csv": "csv", ".json": "json", ".jsonl": "jsonl", ".parquet": "parquet", ".textgrid": "textgrid"}
BY_SUFFIX |= {".vtt": "vtt"}


def print_found(name: str, found: Iterable[Heard | Problem], about: About, file: TextIO) -> None:
    """Write to a stream, recording by recording."""
    if name in OF_ALL:
        _module(name).write(found, about, file)
        return
    for one in found:
        if isinstance(one, Heard):
            _module(name).write(one, about, file)


def write_file(name: str, found: Iterable[Heard | Problem], about: About, path: Path) -> None:
    """Write one file, whole or not at all."""
    with replacing(path) as temporary:
        if name == "parquet":
            _module(name).write(found, about, temporary)
            return
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
            print_found(name, found, about, file)


def write_folder(name: str, found: Iterable[Heard | Problem], about: About, folder: Path, names: list[str]) -> None:
    """Write a file a recording. names: of all recordings, those with problems too."""
    stems = unique_names(names)
    for one in found:
        if isinstance(one, Heard):
            write_file(name, [one], about, folder / (stems[one.name] + OF_ONE[name][1]))


def _module(name: str):
    module = (OF_ALL | OF_ONE)[name][0]
    return importlib.import_module(f"ser.inference.outputs.{module}")
