"""Sends speech to `ser predict -` hop by hop and prints how long after each hop its answer came."""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import PurePosixPath

import numpy as np

from ser.corpora.ravdess import parse_name
from ser.corpora.synthesis import SAMPLE_RATE_HZ, synthesise_clip

HOP_S = 1.0
AHEAD_S = 0.005  # resampling hears up to 3 ms beyond a sample, so that an answer needs a little more than its hop


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle")
    parser.add_argument("hops", type=int)
    arguments = parser.parse_args()
    names = [f"Actor_01/03-01-0{emotion}-01-01-01-01.wav" for emotion in range(1, 9)]
    speech = np.concatenate([synthesise_clip(parse_name(PurePosixPath(name)), 0) for name in names])
    hop = round(HOP_S * SAMPLE_RATE_HZ)
    samples = np.resize((speech * 2**15).clip(-(2**15), 2**15 - 1).astype("<i2"), hop * (arguments.hops + 1))
    raw = f"{SAMPLE_RATE_HZ},1,s16"
    command = [sys.executable, "-m", "ser.inference", "predict", "-", "--raw", raw, "--model", arguments.bundle]
    late_s = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ) as process:
        ahead = round(AHEAD_S * SAMPLE_RATE_HZ)
        for begin in range(0, len(samples) - hop, hop):
            content = samples[begin and begin + ahead : begin + hop + ahead].tobytes()
            process.stdin.write(content[: -2 * ahead])  # without what completes the hop
            process.stdin.flush()
            time.sleep(0.1)
            sent = time.perf_counter()
            process.stdin.write(content[-2 * ahead :])
            process.stdin.flush()
            process.stdout.readline()
            late_s.append(time.perf_counter() - sent)
        process.stdin.close()
    print(json.dumps({"p95_s": float(np.quantile(late_s[1:], 0.95)), "median_s": float(np.median(late_s[1:]))}))


if __name__ == "__main__":
    main()
