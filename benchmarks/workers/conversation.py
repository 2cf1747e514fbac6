"""Writes a long WAV file of clips with pauses between them, and what is true of it: a CSV of begin, end, emotion."""

import argparse
import csv
import json
from collections.abc import Container
from pathlib import Path

import numpy as np
import soundfile

from ser.corpora.ravdess import parse_name

PAUSES_S = (0.5, 3.0)
NOISE = 1e-4  # of a quiet room
RATE_HZ = 48_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path, help="folder of RAVDESS's kind")
    parser.add_argument("out", type=Path, help="the WAV file; the truth stands beside it, .csv")
    parser.add_argument("seconds", type=float)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--actors", type=int, nargs="+", default=range(1, 25), help="whose clips (default: all)")
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    paths = rng.permutation([path for path in sorted(arguments.clips.rglob("*.wav")) if is_of(path, arguments.actors)])
    length, at, truth = round(arguments.seconds * RATE_HZ), 0, []
    with soundfile.SoundFile(arguments.out, "w", RATE_HZ, 1, "PCM_16") as file:
        while at < length:
            path = paths[len(truth) % len(paths)]
            sound = soundfile.read(path, always_2d=True)[0].mean(axis=1)
            begin, end = np.flatnonzero(np.abs(sound) > 0.02 * np.abs(sound).max())[[0, -1]]  # of the voice itself
            truth.append(((at + begin) / RATE_HZ, (at + end) / RATE_HZ, emotion_of(path)))
            pause = rng.normal(0, NOISE, round(rng.uniform(*PAUSES_S) * RATE_HZ))
            both = np.concatenate([sound, pause])[: length - at]
            file.write(both)
            at += len(both)
    with arguments.out.with_suffix(".csv").open("w", encoding="utf-8", newline="") as table:
        csv.writer(table).writerows([("begin_s", "end_s", "emotion"), *truth])
    print(json.dumps({"clips": len(truth)}))


def is_of(path: Path, actors: Container[int]) -> bool:
    """Whether one of the actors speaks, by a clip's name."""
    return parse_name(path.relative_to(path.parents[1])).actor in actors


def emotion_of(path: Path) -> str:
    """The emotion in a clip's name."""
    return parse_name(path.relative_to(path.parents[1])).emotion


if __name__ == "__main__":
    main()
