"""Turn the log-mel spectrograms into MFCC: data/features/mel.pt → data/features/mfcc.pt."""

import dataclasses
from pathlib import Path

import torch

from stages.ser.errors import reporting
from stages.ser.features import mfcc_from_mel
from stages.ser.params import build, read_params
from stages.ser.tensors import load_tensors, save_tensors

PARAMS = Path("params.yaml")
MEL = Path("data/features/mel.pt")
MFCC = Path("data/features/mfcc.pt")


@dataclasses.dataclass(frozen=True)
class MfccSettings:
    n_mfcc: int


def main() -> None:
    with reporting("precompute_mfcc"):
        torch.set_num_threads(1)  # a matter of a second, with the same bytes on every machine
        settings = build(MfccSettings, read_params(PARAMS, "mfcc"), "mfcc")
        mel = load_tensors(MEL, ("clips", "features"))
        features = mfcc_from_mel(mel["features"], settings.n_mfcc)
        save_tensors({"clips": mel["clips"], "features": features}, MFCC)


if __name__ == "__main__":
    main()
