"""Name the emotion of recordings by a model of the pipeline: `python -m scripts.recognise models/compact clip.wav …`.

For any recording of any length, and without torch, there is `ser predict`.
"""

import argparse
from pathlib import Path

import soundfile

from scripts.compare_locks import aligned
from ser.corpora.emotions import EMOTIONS
from ser.models.loading import load_model
from ser.storage.errors import reporting

SHOWN = 3  # emotions a recording


def main() -> None:
    parser = argparse.ArgumentParser(prog="recognise", description=__doc__)
    parser.add_argument("model", type=Path, help="its folder, such as models/compact")
    parser.add_argument("recordings", type=Path, nargs="+", help="WAV, FLAC, OGG or MP3, each a few seconds of speech")
    arguments = parser.parse_args()
    with reporting("recognise"):
        print(recognise(arguments.model, arguments.recordings))


def recognise(folder: Path, recordings: list[Path]) -> str:
    """Return a row a recording: its likeliest emotions with their probabilities."""
    waveforms, rates_hz = zip(*(read(path) for path in recordings), strict=True)
    found = load_model(folder).predict(waveforms, rates_hz)
    rows = [("recording", *(f"{rank}." for rank in range(1, SHOWN + 1)))]
    for path, probabilities in zip(recordings, found, strict=True):
        likeliest = probabilities.argsort()[::-1][:SHOWN]
        rows.append((path.name, *(f"{EMOTIONS[index]} {probabilities[index]:.2f}" for index in likeliest)))
    return aligned(rows)


def read(path: Path) -> tuple:
    """Return waveform and rate; ValueError names a file that holds no sound."""
    try:
        return soundfile.read(path, dtype="float32")
    except soundfile.LibsndfileError as error:
        raise ValueError(f"{path}: not readable as sound ({error.error_string})") from None


if __name__ == "__main__":
    main()
