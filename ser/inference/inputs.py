"""What is given on the command line → files."""

import glob
from collections.abc import Iterable
from pathlib import Path

# What a folder is searched for; a file that is named is tried whatever its name
SUFFIXES = {
    *(".aif", ".aifc", ".aiff", ".au", ".caf", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".rf64", ".snd", ".w64"),
    *(".wav", ".wave", ".3gp", ".aac", ".ac3", ".amr", ".avi", ".m4a", ".m4v", ".mka", ".mkv", ".mov", ".mp4"),
    *(".webm", ".wma", ".wmv"),
}


def find_files(given: Iterable[str]) -> list[Path]:
    """Return files, folders' recordings and what patterns match, once each, in the order given.

    ValueError names every folder and pattern without a recording.
    """
    found: dict[Path, None] = {}
    empty = []
    for text in given:
        files = _files(text)
        found |= dict.fromkeys(files)
        empty += [] if files else [text]
    if empty:
        raise ValueError(f"no recording in {', '.join(empty)}. Give files, folders or patterns such as 'calls/*.wav'.")
    return list(found)


def _files(text: str) -> list[Path]:
    path = Path(text)
    if path.is_dir():
        inside = (one for one in path.rglob("*") if not any(part.startswith(".") for part in one.parts[1:]))
        return sorted(one for one in inside if one.suffix.lower() in SUFFIXES and one.is_file())
    if glob.has_magic(text) and not path.exists():
        matches = glob.glob(text, recursive=True)  # noqa: PTH207 (Path.glob takes no absolute pattern)
        return sorted(Path(one) for one in matches if Path(one).is_file())
    return [path]
