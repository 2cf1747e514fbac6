"""Prints as JSON what the parts of a clip's features take on one thread, in milliseconds, from reading to writing."""

import json
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import soundfile
import torch

from ser.features.audio import AudioSettings, fix_length, load_waveform, normalize_peak, resample
from ser.features.fixed_mel import LogMel, MelSettings
from ser.features.mfcc import mfcc_from_mel
from ser.storage.params import build, read_params
from ser.storage.tensors import save_tensors

CHUNK = 16
CLIPS = 160


class Clock:
    """Adds up what calls take, by the name of the part."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()

    def time(self, name: str, function: Any, *arguments: Any) -> Any:
        started = time.perf_counter()
        result = function(*arguments)
        self.seconds[name] += time.perf_counter() - started
        return result


@torch.inference_mode()
def main() -> None:
    torch.set_num_threads(1)
    paths = [Path("data/raw") / path for path in pd.read_csv("data/clips.csv")["path"][:CLIPS]]
    parts_s = measure(paths)
    print(json.dumps({name: 1000 * seconds / len(paths) for name, seconds in parts_s.items()}))


def measure(paths: list[Path]) -> dict[str, float]:
    """Return the seconds of each part; where one is within another, it is timed alone too and taken off the other."""
    audio, mel, mfcc = read_params(Path("params.yaml"), "audio", "mel", "mfcc")
    audio, mel = build(AudioSettings, audio, "audio"), build(MelSettings, mel, "mel")
    log_mel, window = LogMel(mel, audio.sample_rate_hz), torch.hann_window(mel.n_fft)
    clock, features = Clock(), []
    for start in range(0, len(paths), CHUNK):
        chunk = paths[start : start + CHUNK]
        waveforms = torch.stack([clock.time("read and decode", load_waveform, path, audio) for path in chunk])
        for path in chunk:
            recording, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
            mono = torch.from_numpy(recording).mean(dim=1)
            resampled = clock.time("resample", resample, mono, rate_hz, audio.sample_rate_hz)
            clock.time("level and length", lambda wave: fix_length(normalize_peak(wave), audio.samples), resampled)
        stft = {"n_fft": mel.n_fft, "hop_length": mel.hop_samples, "window": window, "return_complex": True}
        clock.time("STFT", lambda waves, stft=stft: torch.stft(waves, **stft), waveforms)
        features.append(clock.time("power, mel filters, decibels", log_mel, waveforms))
    clock.seconds["read and decode"] -= clock.seconds["resample"] + clock.seconds["level and length"]
    clock.seconds["power, mel filters, decibels"] -= clock.seconds["STFT"]
    clock.time("MFCC", mfcc_from_mel, torch.cat(features), mfcc["n_mfcc"])
    with tempfile.TemporaryDirectory(dir=".") as folder:
        clock.time("write a .pt file", save_tensors, {"features": torch.cat(features)}, Path(folder) / "mel.pt")
    return clock.seconds


if __name__ == "__main__":
    main()
