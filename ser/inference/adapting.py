"""`--adapt`: answer anew, once it is known how a recording, or a speaker, sounds on the whole."""

import csv
import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from ser.adaptation.adapter import Adapter
from ser.adaptation.voice import Voice
from ser.inference.bundles import Bundle
from ser.inference.rows import Heard, Problem, Row
from ser.inference.voices import read_voices, write_voices

COLUMNS = ("path", "speaker")


def adapter_of(bundle: Bundle) -> Adapter:
    """Return how a model adapts; ValueError where it says nothing of that."""
    if "adaptation" not in bundle.config:
        raise ValueError(f"{bundle.name}: this model cannot be adapted. Leave out --adapt, or take another model.")
    try:
        return Adapter.read(bundle.config["adaptation"])
    except ValueError as error:
        raise ValueError(f"{bundle.folder / 'config.json'}: {error}. Copy the bundle again.") from error


def adapt_each(found: Iterable[Heard | Problem], adapter: Adapter, window_s: float) -> Iterator[Heard | Problem]:
    """Adapt to each recording, or to each of its channels where they are heard apart."""
    for one in found:
        yield one if isinstance(one, Problem) else _adapted(one, adapter, _voices_of(one, adapter, window_s))


def adapt_speakers(
    found: Iterable[Heard | Problem],
    speakers: dict[str, str],
    adapter: Adapter,
    window_s: float,
    kept: Path | None,
    revision: str,
) -> list[Heard | Problem]:
    """Adapt to each speaker, after all recordings.

    Args:
        speakers: of each recording, by its name.
        kept: a file of voices that these are added to.
        revision: of the model.
    """
    found, shape = list(found), adapter.speakers.mean.shape
    voices = defaultdict(lambda: Voice.unheard(*shape), read_voices(kept, revision, shape) if kept else {})
    for one in found:
        if isinstance(one, Heard):
            for voice in _voices_of(one, adapter, window_s).values():
                voices[speakers[one.name]] = voices[speakers[one.name]].joined(voice)
    if kept:
        write_voices(voices, revision, kept)
    return [
        one
        if isinstance(one, Problem)
        else _adapted(one, adapter, dict.fromkeys({row.channel for row in one.rows}, voices[speakers[one.name]]))
        for one in found
    ]


def read_speakers(table: Path, recordings: list[str]) -> dict[str, str]:
    """Return each recording's speaker from a CSV table with the columns path and speaker.

    ValueError lists recordings that it lacks. Paths are as given on the command line, or relative to the table.
    """
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise ValueError(f"{table}: lacks the columns {missing}; it has {reader.fieldnames}")
            known = {(table.parent / row["path"]).resolve(): row["speaker"] for row in reader if row["speaker"]}
    except UnicodeDecodeError as error:
        raise ValueError(f"{table}: no CSV table in UTF-8 ({error})") from error
    found = {name: known.get(Path(name).resolve()) for name in recordings}
    lacking = [name for name, speaker in found.items() if speaker is None]
    if lacking:
        more = f" and {len(lacking) - 5} more" if len(lacking) > 5 else ""
        raise ValueError(f"{table}: names no speaker of {', '.join(lacking[:5])}{more}. Add a row for each.")
    return {name: speaker for name, speaker in found.items() if speaker is not None}


def _voices_of(heard: Heard, adapter: Adapter, window_s: float) -> dict[int | None, Voice]:
    """Return the voice in each channel; a row that is shorter than a window counts as that part of a clip."""
    voices = {}
    for channel in {row.channel for row in heard.rows}:
        rows = [row for row in heard.rows if row.channel == channel and row.log_probabilities is not None]
        if rows:
            counts = np.array([min(1.0, (row.end_s - row.begin_s) / window_s) for row in rows])
            voices[channel] = adapter.hear(_logs(rows), counts)
    return voices


def _adapted(heard: Heard, adapter: Adapter, voices: dict[int | None, Voice]) -> Heard:
    rows = [
        row
        if row.log_probabilities is None
        else dataclasses.replace(row, log_probabilities=adapter.answer(_logs([row]), voices[row.channel])[0])
        for row in heard.rows
    ]
    return dataclasses.replace(heard, rows=rows)


def _logs(rows: list[Row]) -> np.ndarray:
    return np.stack([row.log_probabilities for row in rows]).astype(np.float64)
