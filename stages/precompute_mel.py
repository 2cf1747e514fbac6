"""Compute the log-mel spectrogram of every clip: data/raw, data/clips.csv → data/features/mel.pt."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from tqdm import tqdm

from stages.ser.audio import AudioSettings, load_waveform
from stages.ser.errors import reporting
from stages.ser.features import LogMel, MelSettings
from stages.ser.files import read_table
from stages.ser.params import build, check, read_params
from stages.ser.tensors import save_tensors

PARAMS = Path("params.yaml")
RAW = Path("data/raw")
CLIPS = Path("data/clips.csv")
MEL = Path("data/features/mel.pt")
CHUNK = 16  # clips transformed at once: enough to be fast, few enough to stay in the processor's cache


@torch.inference_mode()
def compute_mel(paths: list[Path], audio: AudioSettings, mel: MelSettings) -> torch.Tensor:
    """Return (clip, 1, n_mels, frames) float32 in dB; threads share the chunks, whose results do not depend on them."""
    check(mel.n_fft < 2 * audio.samples, "mel.n_fft", mel.n_fft, f"below twice the clip's {audio.samples} samples")
    log_mel = LogMel(mel, audio.sample_rate_hz)
    torch.set_num_threads(1)  # one chunk a thread beats several threads a chunk
    features = torch.empty(len(paths), 1, mel.n_mels, audio.samples // mel.hop_samples + 1)

    def fill(start: int) -> int:
        chunk = paths[start : start + CHUNK]
        with torch.inference_mode():  # the mode belongs to a thread
            features[start : start + CHUNK] = log_mel(torch.stack([load_waveform(path, audio) for path in chunk]))
        return len(chunk)

    with ThreadPoolExecutor(os.cpu_count()) as pool, tqdm(total=len(paths), unit="clip") as progress:
        for done in pool.map(fill, range(0, len(paths), CHUNK)):
            progress.update(done)
    return features


def main() -> None:
    with reporting("precompute_mel"):
        audio, mel = read_params(PARAMS, "audio", "mel")
        audio, mel = build(AudioSettings, audio, "audio"), build(MelSettings, mel, "mel")
        clips = read_table(CLIPS, ("clip", "path"))
        features = compute_mel([RAW / path for path in clips["path"]], audio, mel)
        save_tensors({"clips": clips["clip"].tolist(), "features": features}, MEL)


if __name__ == "__main__":
    main()
