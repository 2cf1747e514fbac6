"""Compute each clip's log-mel at its own length and level: data/raw, data/clips.csv → data/features/logmel.pt."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from tqdm import tqdm

from stages.ser.errors import reporting
from stages.ser.files import read_table
from stages.ser.logmel import LogMelSettings, TrimmedLogMel, load_mono
from stages.ser.params import build, read_params
from stages.ser.tensors import save_tensors

PARAMS = Path("params.yaml")
RAW = Path("data/raw")
CLIPS = Path("data/clips.csv")
LOGMEL = Path("data/features/logmel.pt")
CHUNK = 16  # clips transformed at once: enough to be fast, few enough to stay in the processor's cache


def compute_logmel(paths: list[Path], settings: LogMelSettings, sample_rate_hz: int) -> list[torch.Tensor]:
    """Return (frames, n_mels) float32 in dB of each clip; results do not depend on the threads."""
    log_mel = TrimmedLogMel(settings, sample_rate_hz)
    torch.set_num_threads(1)  # one chunk a thread beats several threads a chunk

    def transform(start: int) -> list[torch.Tensor]:
        with torch.inference_mode():  # the mode belongs to a thread
            return log_mel([load_mono(path, sample_rate_hz) for path in paths[start : start + CHUNK]])

    features: list[torch.Tensor] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool, tqdm(total=len(paths), unit="clip") as progress:
        for chunk in pool.map(transform, range(0, len(paths), CHUNK)):
            features += chunk
            progress.update(len(chunk))
    return features


def main() -> None:
    with reporting("precompute_logmel"):
        settings, audio = read_params(PARAMS, "logmel", "audio")
        settings = build(LogMelSettings, settings, "logmel")
        clips = read_table(CLIPS, ("clip", "path"))
        features = compute_logmel([RAW / path for path in clips["path"]], settings, audio["sample_rate_hz"])
        lengths = torch.tensor([len(clip) for clip in features])
        save_tensors({"clips": clips["clip"].tolist(), "frames": torch.cat(features), "lengths": lengths}, LOGMEL)


if __name__ == "__main__":
    main()
