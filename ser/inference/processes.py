"""Files heard by several processes, in the order given."""

import collections
import concurrent.futures
import multiprocessing
import signal
from collections.abc import Iterator
from pathlib import Path

from ser.inference.bundles import Bundle, read_bundle
from ser.inference.hearing import TOGETHER, HearingSettings, hear_files
from ser.inference.rows import Heard, Problem

Found = list[Heard | Problem]
AHEAD = 4  # groups a process whose results may wait for an earlier group

_bundle: Bundle  # of a process that hears


def hear_in_processes(
    paths: list[Path], bundle: Bundle, settings: HearingSettings, jobs: int
) -> Iterator[Heard | Problem]:
    """Hear files as `hear_files` does, `jobs` groups of them at once, of which this process hears one.

    So it works while the others start, which takes each as long as a hundred clips.
    """
    share = max(1, min(TOGETHER, len(paths) // jobs))
    groups = iter([paths[first : first + share] for first in range(0, len(paths), share)])
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(jobs - 1, context, _begin, (bundle.folder,)) as pool:
        waiting: collections.deque[concurrent.futures.Future[Found]] = collections.deque()
        try:
            while True:
                while sum(not one.done() for one in waiting) < 2 * (jobs - 1) and (group := next(groups, None)):
                    waiting.append(pool.submit(_hear, group, settings))
                if waiting and (waiting[0].done() or len(waiting) >= AHEAD * jobs):
                    yield from waiting.popleft().result()
                elif group := next(groups, None):
                    waiting.append(_done(list(hear_files(group, bundle, settings))))
                else:
                    break
            for one in waiting:
                yield from one.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _done(found: Found) -> concurrent.futures.Future[Found]:
    future: concurrent.futures.Future[Found] = concurrent.futures.Future()
    future.set_result(found)
    return future


def _begin(folder: Path) -> None:
    global _bundle
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends the others
    _bundle = read_bundle(folder)


def _hear(paths: list[Path], settings: HearingSettings) -> Found:
    return list(hear_files(paths, _bundle, settings))
