"""Hears clips in groups of one and of several and prints how many times as long they take one by one."""

import argparse
import json
import time
from pathlib import Path

from ser.inference.bundles import read_bundle
from ser.inference.hearing import HearingSettings, hear_files

REPEATS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("group", type=int)
    parser.add_argument("clips", type=Path, nargs="+")
    arguments = parser.parse_args()
    bundle = read_bundle(arguments.bundle)
    list(hear_files(arguments.clips[:4], bundle, HearingSettings()))
    least_s = {}
    for group in [1, arguments.group] * REPEATS:
        begun = time.process_time()
        for first in range(0, len(arguments.clips), group):
            list(hear_files(arguments.clips[first : first + group], bundle, HearingSettings()))
        least_s[group] = min(time.process_time() - begun, least_s.get(group, float("inf")))
    clip_s = {group: seconds / len(arguments.clips) for group, seconds in least_s.items()}
    print(json.dumps({"alone_s": clip_s[1], "together_s": clip_s[arguments.group]}))


if __name__ == "__main__":
    main()
