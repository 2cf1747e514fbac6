"""What `ser predict` says of recordings whose truth is known, share by share of time.

    python -m benchmarks.timelines [--seconds 3600] [--model compact | --held-out] [--out FOLDER]

An hour of RAVDESS's clips with pauses between them; a call, one speaker a channel; music, noise and silence.
"""

import argparse
import csv
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from benchmarks.corpus import ROOT
from benchmarks.hearing import predict
from benchmarks.measuring import run, worker
from ser.evaluation.markdown import render
from ser.storage.errors import reporting

STEP_S = 0.01
RATE_HZ = 16_000
PART_S = 20.0  # of each kind in the file without speech
CALLERS = (1, 2)  # a man and a woman
RAW = ROOT / "data/raw"
HEADINGS = (
    "recording",
    "speech, s",
    "right",
    "wrong",
    "uncertain",
    "called no speech",
    'right without "uncertain"',
    "pauses, s",
    "called no speech",
)


class Part(NamedTuple):
    """From a time to another, in seconds: an emotion, "uncertain" or "no speech"; guess: the likeliest emotion."""

    begin_s: float
    end_s: float
    label: str
    guess: str | None = None


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.timelines", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=3600, help="of the long recording (default: 3600)")
    parser.add_argument("--model", default="compact", help="name or folder of a bundle (default: compact)")
    parser.add_argument(
        "--held-out", action="store_true", help="train CompactNet without five speakers, and hear these"
    )
    parser.add_argument("--out", type=Path, help="folder for the recordings, timelines and pictures")
    arguments = parser.parse_args()
    if not RAW.is_dir():
        raise SystemExit("timelines: needs the clips of RAVDESS in data/raw (`make repro` fetches them)")
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.out or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        print(render(HEADINGS, rows(folder.resolve(), arguments.seconds, arguments.model, arguments.held_out)))


def rows(folder: Path, seconds: float, model: str, held_out: bool) -> list[tuple[str, ...]]:
    """Make the recordings, hear them, and return what was right."""
    actors: list[str] = []
    if held_out:
        found = run(worker("held_out", str(folder / "held_out")), ROOT).facts["unheard_actors"]
        model, actors = str(folder / "held_out"), ["--actors", *map(str, found)]
    found = [(f"{seconds:.0f} s of clips and pauses", *hour(folder, seconds, model, actors))]
    if not held_out:
        found += [
            (f"a call, channel {channel}", *cells) for channel, cells in call(folder, seconds / 10, model).items()
        ]
        found += [(f"{PART_S:.0f} s of {kind}", *cells) for kind, cells in no_speech(folder, model).items()]
    return found


def hour(folder: Path, seconds: float, model: str, actors: Sequence[str]) -> tuple[str, ...]:
    """Hear one long recording."""
    run(worker("conversation", str(RAW), str(folder / "hour.wav"), str(seconds), *actors), ROOT)
    return shares(read_truth(folder / "hour.csv"), hear(folder / "hour.wav", model)[None], 0, seconds)


def call(folder: Path, seconds: float, model: str) -> dict[int, tuple[str, ...]]:
    """Hear two speakers on a channel each; both speak at once now and then."""
    ends = []
    for channel, actor in enumerate(CALLERS, start=1):
        path = folder / f"caller-{channel}.wav"
        asked = ("--seed", str(channel), "--actors", str(actor))
        run(worker("conversation", str(RAW), str(path), str(seconds), *asked), ROOT)
        ends.append(soundfile.read(path))
    soundfile.write(folder / "call.wav", np.stack([sound for sound, _ in ends], axis=1), ends[0][1])
    heard = hear(folder / "call.wav", model, "--channels", "separate")
    truths = {channel: read_truth(folder / f"caller-{channel}.csv") for channel in heard if channel}
    return {channel: shares(truth, heard[channel], 0, seconds) for channel, truth in truths.items()}


def no_speech(folder: Path, model: str) -> dict[str, tuple[str, ...]]:
    """Hear music, noise and silence, one after the other in one file."""
    kinds = sounds()
    soundfile.write(folder / "no-speech.wav", np.concatenate(list(kinds.values())), RATE_HZ)
    heard = hear(folder / "no-speech.wav", model)[None]
    return {kind: shares([], heard, place * PART_S, (place + 1) * PART_S) for place, kind in enumerate(kinds)}


def sounds() -> dict[str, np.ndarray]:
    """Return what is no speech, PART_S each."""
    generator = np.random.default_rng(0)
    time_s = np.arange(round(PART_S * RATE_HZ)) / RATE_HZ
    white = generator.normal(size=len(time_s))
    spectrum = np.fft.rfft(white) / np.sqrt(np.maximum(np.fft.rfftfreq(len(white), 1 / RATE_HZ), 20.0))
    pink = np.fft.irfft(spectrum, len(white))
    notes = 220 * 2 ** (np.array([0, 4, 7, 12, 7, 4, 5, 9])[(time_s * 2).astype(int) % 8] / 12)
    melody = sum(np.sin(np.cumsum(2 * np.pi * notes * overtone / RATE_HZ)) / overtone for overtone in range(1, 6))
    melody *= np.exp(-3 * (time_s * 2 % 1))
    chord = sum(np.sin(2 * np.pi * hz * time_s) for hz in (220.0, 277.2, 329.6))
    beats = white * np.exp(-30 * (time_s * 2 % 1))
    return {
        "silence": np.zeros_like(time_s),
        "white noise": 0.1 * white,
        "pink noise": 0.1 * pink / pink.std(),
        "a chord": 0.1 * chord,
        "a melody, five overtones a note": 0.15 * melody,
        "drum beats": 0.3 * beats,
        "melody and drum beats": 0.1 * melody + 0.2 * beats,
    }


def hear(path: Path, model: str, *options: str) -> dict[int | None, list[Part]]:
    """Return the timeline of each channel by the command, and leave its JSON and its picture beside the recording."""
    out, picture = path.with_suffix(".json"), path.with_suffix(".png")
    run(predict(str(path), "--model", model, "--out", str(out), "--timeline", str(picture), *options), ROOT)
    [recording] = json.loads(out.read_text(encoding="utf-8"))["recordings"]
    channels: dict[int | None, list[Part]] = {}
    for row in recording["rows"]:
        part = Part(row["begin_s"], row["end_s"], row["label"], row["emotion"])
        channels.setdefault(row["channel"], []).append(part)
    return channels


def read_truth(path: Path) -> list[Part]:
    with path.open(encoding="utf-8") as file:
        return [Part(float(row["begin_s"]), float(row["end_s"]), row["emotion"]) for row in csv.DictReader(file)]


def shares(truth: list[Part], found: list[Part], begin_s: float, end_s: float) -> tuple[str, ...]:
    """Return the cells of a row: what was called what between two times, as shares of the time."""
    steps = np.arange(begin_s, end_s, STEP_S) + STEP_S / 2
    right = labels_at(steps, truth, "pause")
    label = labels_at(steps, found, "no speech")
    guess = labels_at(steps, [part._replace(label=part.guess or "no speech") for part in found], "no speech")
    speech, silent = right != "pause", label == "no speech"
    correct, unsure = label == right, label == "uncertain"
    of_speech = (correct, ~correct & ~unsure & ~silent, unsure, silent, guess == right)
    return (
        f"{speech.sum() * STEP_S:.0f}",
        *(_share(what[speech]) for what in of_speech),
        f"{(~speech).sum() * STEP_S:.0f}",
        _share(silent[~speech]),
    )


def labels_at(times_s: np.ndarray, parts: list[Part], otherwise: str) -> np.ndarray:
    """Return the label at each time, in ascending order, of parts that do not overlap."""
    labels = np.full(len(times_s), otherwise, dtype=object)
    for part in parts:
        first, last = np.searchsorted(times_s, [part.begin_s, part.end_s])
        labels[first:last] = part.label
    return labels


def _share(what: np.ndarray) -> str:
    return f"{what.mean():.1%}" if len(what) else "–"


if __name__ == "__main__":
    with reporting("timelines"):
        main()
