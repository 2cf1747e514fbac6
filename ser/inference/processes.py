"""Files heard by several processes, in the order given."""

import collections
import concurrent.futures
import itertools
import multiprocessing
import signal
from collections.abc import Iterator
from pathlib import Path

from ser.inference.bundles import Bundle, read_bundle
from ser.inference.hearing import TOGETHER, HearingSettings, hear_files
from ser.inference.rows import Heard, Problem

_bundle: Bundle  # of a process that hears


def hear_in_processes(
    paths: list[Path], bundle: Bundle, settings: HearingSettings, jobs: int
) -> Iterator[Heard | Problem]:
    """Hear files as `hear_files` does, `jobs` groups of them at once."""
    share = max(1, min(TOGETHER, len(paths) // jobs))
    groups = iter([paths[first : first + share] for first in range(0, len(paths), share)])
    with concurrent.futures.ProcessPoolExecutor(
        jobs, multiprocessing.get_context("spawn"), _begin, (bundle.folder,)
    ) as pool:
        # Few are handed out at a time, so that results do not pile up
        waiting = collections.deque(pool.submit(_hear, group, settings) for group in itertools.islice(groups, 2 * jobs))
        try:
            while waiting:
                yield from waiting.popleft().result()
                waiting.extend(pool.submit(_hear, group, settings) for group in itertools.islice(groups, 1))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _begin(folder: Path) -> None:
    global _bundle
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends the others
    _bundle = read_bundle(folder)


def _hear(paths: list[Path], settings: HearingSettings) -> list[Heard | Problem]:
    return list(hear_files(paths, _bundle, settings))
