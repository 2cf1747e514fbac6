"""Compute the log-mel of disturbed clips, as CompactNet reads it: data/raw → logmel/<copy>.pt."""

import argparse
import dataclasses
from pathlib import Path

import torch

from ser.encoders.waveforms import SAMPLE_RATE_HZ
from ser.features.own_length_mel import OwnLengthMel
from ser.storage.errors import reporting
from ser.storage.params import build, check, read_params, read_value
from ser.storage.tensors import save_tensors
from studies.outside.conditions.disturbing import each_disturbed, read_table
from studies.outside.conditions.settings import LOGMEL, PARAMS, read_disturb

FRONT_END_PARAMS = Path("params.yaml")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("copy", help=f"a key of `conditions` in {PARAMS}, or training_1, …")
    copy = parser.parse_args().copy
    with reporting("precompute_logmel"):
        rate_hz = read_value(FRONT_END_PARAMS, "audio.sample_rate_hz", int)
        check(rate_hz == SAMPLE_RATE_HZ, "audio.sample_rate_hz", rate_hz, f"{SAMPLE_RATE_HZ}, that of the conditions")
        front_end = build(OwnLengthMel, {"sample_rate_hz": rate_hz, "logmel": read_params(FRONT_END_PARAMS, "logmel")})
        clips = read_table()
        frames = list(each_disturbed(clips, read_disturb(copy), lambda waveform: front_end([waveform])[0]))
        content = {
            "clips": clips["clip"].tolist(),
            "frames": torch.cat(frames),
            "front_end": dataclasses.asdict(front_end),
            "lengths": torch.tensor([len(clip) for clip in frames]),
        }
        save_tensors(content, LOGMEL / f"{copy}.pt")


if __name__ == "__main__":
    main()
