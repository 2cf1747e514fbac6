"""Compute the log-mel spectrogram of every clip: data/raw, data/clips.csv → data/features/mel.pt."""

import contextlib
from collections.abc import Generator
from pathlib import Path

import torch

from stages.ser.audio import AudioSettings, load_waveform
from stages.ser.chunks import each_chunk
from stages.ser.errors import reporting
from stages.ser.features import LogMel, MelSettings
from stages.ser.files import read_table
from stages.ser.params import build, check, read_params
from stages.ser.streams import save_stream

PARAMS = Path("params.yaml")
RAW = Path("data/raw")
CLIPS = Path("data/clips.csv")
MEL = Path("data/features/mel.pt")
CHUNK = 4  # clips transformed at once: few enough to stay in the processor's cache


def compute_mel(paths: list[Path], audio: AudioSettings, mel: MelSettings) -> Generator[torch.Tensor, None, None]:
    """Yield chunks of (clip, 1, n_mels, frames) float32 in dB."""
    check(mel.n_fft < 2 * audio.samples, "mel.n_fft", mel.n_fft, f"below twice the clip's {audio.samples} samples")
    log_mel = LogMel(mel, audio.sample_rate_hz)
    yield from each_chunk(
        lambda chunk: log_mel(torch.stack([load_waveform(path, audio) for path in chunk])), paths, CHUNK
    )


def main() -> None:
    with reporting("precompute_mel"):
        audio, mel = read_params(PARAMS, "audio", "mel")
        audio, mel = build(AudioSettings, audio, "audio"), build(MelSettings, mel, "mel")
        clips = read_table(CLIPS, ("clip", "path"))
        # closing: an error in writing ends the work and its progress bar before it is reported
        with contextlib.closing(compute_mel([RAW / path for path in clips["path"]], audio, mel)) as features:
            save_stream("features", features, lambda: {"clips": clips["clip"].tolist()}, MEL)


if __name__ == "__main__":
    main()
