"""Describe every clip by openSMILE's functionals, for which it must be installed: data/raw → functionals/<set>.pt."""

import argparse
from pathlib import Path

import numpy as np
import soundfile
import torch

from ser.corpora.clip_table import read_clips
from ser.storage.errors import reporting
from ser.storage.tensors import save_tensors

RAW = Path("data/raw")
CLIPS = Path("data/clips.csv")
FUNCTIONALS = Path("studies/outside/voices/functionals")
SETS = {"compare": "ComParE_2016", "egemaps": "eGeMAPSv02"}
MISSING = (
    "openSMILE is not installed. Its licence allows research and private use, no use in a product; if that suits you, "
    "`pip install opensmile==2.6.0`. `dvc checkout` takes its features from a cache or remote that has them."
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", choices=SETS)
    name = parser.parse_args().set
    with reporting("extract_functionals"):
        clips = read_clips(CLIPS, "clip", "path")
        functionals = np.stack([*describe([RAW / path for path in clips["path"]], SETS[name])])
        content = {"clips": clips["clip"].tolist(), "embeddings": torch.from_numpy(functionals)}
        save_tensors(content, FUNCTIONALS / f"{name}.pt")
        print(f"{name}: {functionals.shape[1]} functionals of {len(clips)} clips")


def describe(paths: list[Path], name: str):
    """Yield the functionals (dim,) float32 of each recording, the mean of its channels at its own rate.

    ValueError says how to install openSMILE, or names a recording with a functional that is no number.
    """
    try:
        import opensmile
    except ModuleNotFoundError:
        raise ValueError(MISSING) from None
    smile = opensmile.Smile(opensmile.FeatureSet[name], opensmile.FeatureLevel.Functionals)
    for path in paths:
        samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
        functionals = smile.process_signal(samples.mean(axis=1), rate_hz).to_numpy(dtype=np.float32)[0]
        if not np.isfinite(functionals).all():
            raise ValueError(
                f"{path}: openSMILE gives {np.count_nonzero(~np.isfinite(functionals))} values that are none"
            )
        yield functionals


if __name__ == "__main__":
    main()
