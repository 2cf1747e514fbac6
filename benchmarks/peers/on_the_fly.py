"""Computes mel and MFCC with torchaudio's transforms, one clip at a time: data/ → <folder>/{mel,mfcc}.pt."""

import argparse
from pathlib import Path

import pandas as pd
import soundfile
import torch
from torch.utils.data import Dataset
from torchaudio import transforms as T

RAW = Path("data/raw")
CLIPS = Path("data/clips.csv")
SAMPLE_RATE = 16_000
SAMPLES = 48_000


class AudioDataset(Dataset):
    """Reads, resamples and transforms a clip whenever it is asked for; features are mel or mfcc."""

    def __init__(self, paths: list[Path], labels: list[int], features: str) -> None:
        self.paths, self.labels, self.features = paths, labels, features
        mel = {"n_fft": 400, "hop_length": 160, "n_mels": 80}
        self.mel = T.MelSpectrogram(SAMPLE_RATE, **mel)
        self.to_db = T.AmplitudeToDB("power", top_db=80)
        self.mfcc = T.MFCC(SAMPLE_RATE, n_mfcc=80, melkwargs=mel)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        waveform = self.load(self.paths[index])
        return (self.log_mel if self.features == "mel" else self.mfccs)(waveform), self.labels[index]

    def load(self, path: Path) -> torch.Tensor:
        data, rate = soundfile.read(path, dtype="float32", always_2d=True)
        waveform = torch.from_numpy(data.T).mean(dim=0, keepdim=True)
        if rate != SAMPLE_RATE:
            waveform = T.Resample(rate, SAMPLE_RATE)(waveform)
        peak = waveform.abs().max()
        if peak > 0:
            waveform = waveform / peak
        waveform = waveform[:, :SAMPLES]
        return torch.nn.functional.pad(waveform, (0, SAMPLES - waveform.shape[1]))

    def log_mel(self, waveform: torch.Tensor) -> torch.Tensor:
        return self.to_db(self.mel(waveform))

    def mfccs(self, waveform: torch.Tensor) -> torch.Tensor:
        return self.mfcc(waveform).squeeze(0).T


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    clips = pd.read_csv(CLIPS)
    paths = [RAW / path for path in clips["path"]]
    dataset = AudioDataset(paths, [0] * len(paths), "mel")
    mels, mfccs = [], []
    for path in paths:
        waveform = dataset.load(path)
        mels.append(dataset.log_mel(waveform))
        mfccs.append(dataset.mfccs(waveform))
    folder.mkdir(parents=True, exist_ok=True)
    torch.save({"clips": clips["clip"].tolist(), "features": torch.stack(mels)}, folder / "mel.pt")
    torch.save({"clips": clips["clip"].tolist(), "features": torch.stack(mfccs)}, folder / "mfcc.pt")


if __name__ == "__main__":
    main()
