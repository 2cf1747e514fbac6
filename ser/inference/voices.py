"""Voices in a small JSON file, to be kept and extended: sums of a model's answers, no sound."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from ser.adaptation.voice import Voice
from ser.inference.writing import replacing

KEYS = ("clips", "mean", "squares")


def write_voices(voices: dict[str, Voice], revision: str, path: Path) -> None:
    """Write voices by speaker, whole or not at all; revision: of the model whose answers they sum up."""
    listed = {name: {key: np.asarray(getattr(voice, key)).tolist() for key in KEYS} for name, voice in voices.items()}
    with replacing(path) as temporary:
        text = json.dumps({"revision": revision, "voices": listed}, indent=1, sort_keys=True)
        temporary.write_text(text + "\n", encoding="utf-8")


def read_voices(path: Path, revision: str, shape: tuple[int, ...]) -> dict[str, Voice]:
    """Read them again; a file that is not there holds none. ValueError says what is wrong with one.

    shape: of the means, (copies, dim).
    """
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found, voices = content["revision"], {name: _voice_of(one) for name, one in content["voices"].items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path}: no file of voices ({error!r}). Delete it to begin anew.") from error
    if found != revision:
        raise ValueError(f"{path}: voices of another model ({found}; this one is {revision}). Give another file.")
    wrong = [name for name, voice in voices.items() if not _is_sound(voice, shape)]
    if wrong:
        raise ValueError(f"{path}: the numbers of {', '.join(wrong)} cannot be. Delete it to begin anew.")
    return voices


def _voice_of(values: dict[str, Any]) -> Voice:
    clips, mean, squares = (np.array(values[key], dtype=np.float64) for key in KEYS)
    return Voice(float(clips), mean, squares)


def _is_sound(voice: Voice, shape: tuple[int, ...]) -> bool:
    arrays = (voice.mean, voice.squares)
    finite = all(array.shape == shape and np.isfinite(array).all() for array in arrays)
    return finite and 0 <= voice.clips < np.inf and bool((voice.squares >= 0).all())
