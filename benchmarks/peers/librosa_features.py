"""Computes mel and MFCC with librosa, one clip at a time: data/raw, data/clips.csv → <folder>/{mel,mfcc}.pt."""

import argparse
import io
from pathlib import Path

import librosa
import numpy as np
import pandas as pd
import soundfile
import torch
import torchaudio

RAW = Path("data/raw")
CLIPS = Path("data/clips.csv")
SAMPLE_RATE = 16_000
SAMPLES = 48_000
RESAMPLERS = ("soxr", "torchaudio")


def load(path: Path | io.BytesIO, resampler: str) -> np.ndarray:
    """Load by librosa alone, whose soxr resampler is another filter than the design's, or resample by torchaudio."""
    if resampler == "soxr":
        y, _ = librosa.load(path, sr=SAMPLE_RATE)
    else:
        y, rate = soundfile.read(path, dtype="float32")
        y = librosa.to_mono(y.T)
        y = torchaudio.functional.resample(torch.from_numpy(y), rate, SAMPLE_RATE).numpy()
    return librosa.util.fix_length(librosa.util.normalize(y), size=SAMPLES)


def features(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mel in dB (80, 301) and MFCC (80, 301) as the design defines them: HTK scale, triangles of height 1."""
    mel = librosa.feature.melspectrogram(
        y=y, sr=SAMPLE_RATE, n_fft=400, hop_length=160, n_mels=80, htk=True, norm=None, pad_mode="reflect"
    )
    mel = librosa.power_to_db(mel, ref=1.0, amin=1e-10, top_db=80)
    return mel, librosa.feature.mfcc(S=mel, n_mfcc=80)


def import_all() -> None:
    """Use librosa once: it imports most of what it needs, and compiles some, when it is first used."""
    second = io.BytesIO()
    soundfile.write(second, np.sin(np.arange(48_000)), 48_000, format="WAV")
    for resampler in RESAMPLERS:
        second.seek(0)
        features(load(second, resampler))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--resampler", choices=RESAMPLERS, default="soxr")
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # two compete with NumPy's and take three times as long to resample
    clips = pd.read_csv(CLIPS)
    mels, mfccs = [], []
    for path in clips["path"]:
        mel, mfcc = features(load(RAW / path, arguments.resampler))
        mels.append(torch.from_numpy(mel)[None])
        mfccs.append(torch.from_numpy(mfcc.T.copy()))
    arguments.folder.mkdir(parents=True, exist_ok=True)
    torch.save({"clips": clips["clip"].tolist(), "features": torch.stack(mels)}, arguments.folder / "mel.pt")
    torch.save({"clips": clips["clip"].tolist(), "features": torch.stack(mfccs)}, arguments.folder / "mfcc.pt")


if __name__ == "__main__":
    main()
