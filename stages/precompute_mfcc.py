"""Turn the log-mel spectrograms into MFCC: data/features/mel.pt → data/features/mfcc.pt."""

import dataclasses
from pathlib import Path

import torch

from ser.features.mfcc import MfccSettings, mfcc_from_mel
from ser.storage.errors import reporting
from ser.storage.params import build, read_params
from ser.storage.streams import load_stream, save_stream
from ser.storage.tensors import require_keys

PARAMS = Path("params.yaml")
MEL = Path("data/features/mel.pt")
MFCC = Path("data/features/mfcc.pt")
CHUNK = 4  # clips transformed at once: few enough to stay in the processor's cache


def main() -> None:
    with reporting("precompute_mfcc"):
        torch.set_num_threads(1)  # a matter of a second, with the same bytes on every machine
        settings = build(MfccSettings, read_params(PARAMS, "mfcc"), "mfcc")
        rest, mel = load_stream(MEL, "features", CHUNK)
        require_keys(rest, ("front_end",), MEL)["front_end"] |= {"mfcc": dataclasses.asdict(settings)}
        features = (mfcc_from_mel(chunk, settings.n_mfcc) for chunk in mel)
        save_stream("features", features, lambda: rest, MFCC)


if __name__ == "__main__":
    main()
