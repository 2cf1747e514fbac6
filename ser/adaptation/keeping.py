"""Voices as a small JSON file, to be kept and extended: the sums of each speaker's clips, no sound."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ser.adaptation.voice import Voice

KEYS = {field.name for field in dataclasses.fields(Voice)}


def voices_text(voices: Mapping[str, Voice], revision: str) -> str:
    """Return the text of a file; revision: of the model whose numbers these are."""
    listed = {
        name: {key: np.asarray(value).tolist() for key, value in vars(voice).items()} for name, voice in voices.items()
    }
    return json.dumps({"revision": revision, "voices": listed}, indent=1, sort_keys=True) + "\n"


def read_voices(path: Path, revision: str, like: Voice) -> dict[str, Voice]:
    """Read a file again; ValueError says what is wrong with it.

    like: a voice of the model, whose shapes are expected.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found, listed = content["revision"], content["voices"]
        voices = {name: _voice_of(values) for name, values in listed.items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path}: no file of voices ({error!r}). Delete it to begin anew.") from error
    if found != revision:
        raise ValueError(f"{path}: voices of another model ({found}; this one is {revision}). Give another file.")
    unlike = [name for name, voice in voices.items() if _shapes(voice) != _shapes(like) or not _is_sound(voice)]
    if unlike:
        raise ValueError(f"{path}: the numbers of {', '.join(unlike)} cannot be. Delete it to begin anew.")
    return voices


def _voice_of(values: dict[str, Any]) -> Voice:
    if values.keys() != KEYS:
        raise ValueError(f"expected {sorted(KEYS)}, found {sorted(values)}")
    arrays = {key: np.array(value, dtype=np.float64) for key, value in values.items()}
    return Voice(**arrays | {"clips": float(arrays["clips"])})


def _shapes(voice: Voice) -> list[tuple[int, ...]]:
    return [np.shape(value) for value in vars(voice).values()]


def _is_sound(voice: Voice) -> bool:
    return all(np.isfinite(value).all() for value in vars(voice).values()) and voice.clips >= 0
