"""Work on many clips: some at a time, a thread for each processor core."""

import collections
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from tqdm import tqdm

Item = TypeVar("Item")
Result = TypeVar("Result")


def each_chunk(function: Callable[[Sequence[Item]], Result], items: Sequence[Item], size: int) -> Iterator[Result]:
    """Yield function(chunk) for one chunk of `size` items after another, in their order, and show progress in clips.

    A few chunks are under way at a time, so memory does not grow with the items. What comes out does not depend on the
    number of threads.
    """
    torch.set_num_threads(1)  # one chunk a thread beats several threads a chunk
    threads = os.cpu_count() or 1

    def work(chunk: Sequence[Item]) -> tuple[int, Result]:
        with torch.inference_mode():  # the mode belongs to a thread
            return len(chunk), function(chunk)

    with ThreadPoolExecutor(threads) as pool, tqdm(total=len(items), unit="clip") as progress:
        submitted = (pool.submit(work, items[start : start + size]) for start in range(0, len(items), size))
        for future in _drawn_ahead(submitted, 2 * threads):
            done, result = future.result()
            yield result
            progress.update(done)


def _drawn_ahead(items: Iterator[Item], count: int) -> Iterator[Item]:
    """Pass items on, each when `count` more have been drawn."""
    waiting: collections.deque[Item] = collections.deque()
    for item in items:
        waiting.append(item)
        if len(waiting) > count:
            yield waiting.popleft()
    yield from waiting
