"""Time every encoder on real clips, one core: studies/encoders/weights, data/raw → benchmarks/encoders.csv.

A measurement, not a stage: its figures differ from run to run. The table of the encoders reads what is committed.
"""

import argparse
import statistics
import time
from pathlib import Path

import pandas as pd
import torch

from benchmarks import machine
from ser.corpora.clip_table import read_clips
from ser.encoders.kinds import load_any
from ser.encoders.waveforms import SAMPLE_RATE_HZ
from ser.features.audio import load_mono
from ser.storage.errors import reporting
from ser.storage.files import write_table

WEIGHTS = Path("studies/encoders/weights")
RAW = Path("data/raw")
CLIPS = Path("data/clips.csv")
TABLE = Path(__file__).with_suffix(".csv")
EVERY, WARM_UPS = 24, 3


@torch.inference_mode()
def time_encoder(folder: Path, waveforms: list[torch.Tensor], repeats: int) -> dict[str, float]:
    """Return the median over the repeats of the mean processor time of a clip, in ms, the fastest and slowest repeat.

    Of one thread, so that it is what a clip takes where nothing else runs, and other processes change it little.
    """
    encode = load_any(folder)
    for waveform in waveforms[:WARM_UPS]:
        encode(waveform)
    means = []
    for _ in range(repeats):
        start = time.process_time()
        for waveform in waveforms:
            encode(waveform)
        means.append(1000 * (time.process_time() - start) / len(waveforms))
    return {"ms_per_clip": statistics.median(means), "fastest": min(means), "slowest": max(means)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.encoders", description=__doc__)
    parser.add_argument("encoders", nargs="*", help=f"folders in {WEIGHTS}; none: all of them")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=TABLE)
    arguments = parser.parse_args()
    with reporting("encoders"):
        encoders = arguments.encoders or sorted(path.parent.name for path in WEIGHTS.glob("*/config.json"))
        torch.set_num_threads(1)
        paths = [RAW / path for path in read_clips(CLIPS, "path")["path"][::EVERY]]
        waveforms = [load_mono(path, SAMPLE_RATE_HZ) for path in paths]
        rows = []
        for encoder in encoders:
            timed = time_encoder(WEIGHTS / encoder, waveforms, arguments.repeats)
            seconds = sum(map(len, waveforms)) / SAMPLE_RATE_HZ / len(waveforms)
            rows.append({"encoder": encoder, "clips": len(waveforms), "seconds_per_clip": seconds} | timed)
        table = pd.DataFrame(rows).assign(machine=machine.describe())
        write_table(table, arguments.out, 2)
        print(table.to_string(index=False))


if __name__ == "__main__":
    main()
