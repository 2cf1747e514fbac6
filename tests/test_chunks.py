"""Chunks on several threads: every item once, in order, a few under way at a time."""

import threading
import time

import pytest
import torch

from ser.features.chunks import each_chunk


@pytest.fixture(autouse=True)
def same_threads():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("items", [0, 1, 3, 4, 5, 100])
def test_every_item_comes_once_and_in_order(items):
    chunks = list(each_chunk(list, range(items), 4))
    assert [item for chunk in chunks for item in chunk] == list(range(items))
    assert all(len(chunk) == 4 for chunk in chunks[:-1])


def test_order_is_that_of_the_items_and_not_of_finishing():
    def slow_first(chunk):
        time.sleep(0.05 if chunk[0] == 0 else 0)
        return chunk[0]

    assert list(each_chunk(slow_first, range(8), 1)) == list(range(8))


@pytest.mark.parametrize("threads", [1, 3])
def test_few_chunks_wait_while_none_is_taken(threads, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: threads)
    lock, begun = threading.Lock(), []

    def note(chunk):
        with lock:
            begun.append(chunk[0])

    results = each_chunk(note, range(1000), 1)
    next(results)
    time.sleep(0.05)
    assert len(begun) <= 2 * threads + 1
    results.close()


def test_no_gradients_are_kept():
    assert list(each_chunk(lambda chunk: torch.is_inference_mode_enabled(), range(2), 1)) == [True, True]


def test_an_error_within_a_chunk_ends_the_work():
    def fail(chunk):
        raise ValueError(f"bad clip {chunk[0]}")

    with pytest.raises(ValueError, match="bad clip 0"):
        list(each_chunk(fail, range(100), 1))
