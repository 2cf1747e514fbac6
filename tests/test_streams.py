"""Tensor files written and read chunk by chunk: what torch.save would have kept, whatever the chunks."""

import subprocess
import sys

import pytest
import torch

from scripts.demo import ROOT
from ser.storage.streams import load_stream, save_stream
from ser.storage.tensors import load_tensors, save_tensors


@pytest.fixture
def features():
    return torch.randn(10, 1, 4, 3, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def rest():
    return {"clips": [f"clip-{number}" for number in range(10)], "lengths": torch.arange(10)}


def test_what_torch_loads_is_what_torch_would_have_saved(features, rest, tmp_path):
    save_stream("features", features.split(3), lambda: rest, tmp_path / "streamed.pt")
    save_tensors({"features": features, **rest}, tmp_path / "saved.pt")
    streamed, saved = (torch.load(tmp_path / f"{name}.pt", weights_only=True) for name in ("streamed", "saved"))
    assert list(streamed) == list(saved) == ["clips", "features", "lengths"]
    assert streamed["clips"] == saved["clips"]
    for key in ("features", "lengths"):
        assert torch.equal(streamed[key], saved[key])
        assert streamed[key].dtype == saved[key].dtype
        assert streamed[key].stride() == saved[key].stride()


@pytest.mark.parametrize("rows", [1, 3, 5, 10, 11])
def test_neither_chunks_nor_file_name_nor_memory_layout_change_the_bytes(features, rest, tmp_path, rows):
    save_stream("features", [features], lambda: rest, tmp_path / "a.pt")
    chunks = (chunk.transpose(2, 3).contiguous().transpose(2, 3) for chunk in features.split(rows))
    save_stream("features", chunks, lambda: rest, tmp_path / "new" / "b.pt")
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "new" / "b.pt").read_bytes()


@pytest.mark.parametrize("rows", [1, 3, 5, 10, 11])
@pytest.mark.parametrize("streamed", [True, False])
def test_chunks_come_back_in_order_and_the_last_one_is_shorter(features, tmp_path, rows, streamed):
    if streamed:
        save_stream("features", [features], lambda: {"clips": ["a"]}, tmp_path / "mel.pt")
    else:
        save_tensors({"features": features, "clips": ["a"]}, tmp_path / "mel.pt")
    rest, chunks = load_stream(tmp_path / "mel.pt", "features", rows)
    assert rest == {"clips": ["a"]}
    for chunk, expected in zip(chunks, features.split(rows), strict=True):
        assert torch.equal(chunk, expected)


def test_the_rest_is_asked_for_after_the_last_chunk(tmp_path):
    lengths = []

    def chunks():
        for length in (2, 3):
            lengths.append(length)
            yield torch.zeros(length, 4)

    save_stream("frames", chunks(), lambda: {"lengths": torch.tensor(lengths)}, tmp_path / "logmel.pt")
    assert load_tensors(tmp_path / "logmel.pt")["lengths"].tolist() == [2, 3]


@pytest.mark.parametrize("rows", [1, 10])
def test_a_flipped_byte_is_named_with_the_remedy(features, tmp_path, rows):
    save_stream("features", [features], lambda: {"clips": ["a"]}, tmp_path / "mel.pt")
    whole = (tmp_path / "mel.pt").read_bytes()
    place = whole.index(features.numpy().tobytes()) + 100
    (tmp_path / "mel.pt").write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    message = r"mel\.pt: not a readable tensor file \(Bad CRC-32 for file .*Delete it and run `dvc repro`"
    with pytest.raises(ValueError, match=message):
        list(load_stream(tmp_path / "mel.pt", "features", rows)[1])
    with pytest.raises(ValueError, match=r"mel\.pt: not a readable tensor file \(bad check sum of archive/data/0\)"):
        load_tensors(tmp_path / "mel.pt")


@pytest.mark.parametrize("kept", [0, 10, 400, -1])
def test_a_truncated_file_is_named(features, tmp_path, kept):
    save_stream("features", [features], lambda: {"clips": ["a"]}, tmp_path / "mel.pt")
    (tmp_path / "mel.pt").write_bytes((tmp_path / "mel.pt").read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"mel\.pt: not a readable tensor file"):
        load_stream(tmp_path / "mel.pt", "features", 3)


def test_a_missing_key_is_named(features, tmp_path):
    save_tensors({"frames": features}, tmp_path / "mel.pt")
    with pytest.raises(ValueError, match=r"mel\.pt: lacks \['features'\]"):
        load_stream(tmp_path / "mel.pt", "features", 3)


@pytest.mark.parametrize("chunks", [[], [torch.zeros(0, 3)]])
def test_nothing_is_no_file(tmp_path, chunks):
    with pytest.raises(ValueError, match=r"mel\.pt: there are no rows to save"):
        save_stream("features", chunks, dict, tmp_path / "mel.pt")
    assert not list(tmp_path.iterdir())


def test_a_failing_chunk_leaves_nothing(features, tmp_path):
    def chunks():
        yield features
        raise ValueError("not a clip")

    with pytest.raises(ValueError, match="not a clip"):
        save_stream("features", chunks(), dict, tmp_path / "mel.pt")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_named_with_the_remedy_and_leaves_nothing(tmp_path, full_disk):
    with full_disk(10_000), pytest.raises(OSError, match=r"mel\.pt: could not be written .*Make room on its disk and"):
        save_stream("features", [torch.zeros(1_000)] * 100, dict, tmp_path / "mel.pt")
    assert not list(tmp_path.iterdir())


MEASURE = """
import resource, sys, torch
from pathlib import Path
from ser.storage.streams import load_stream, save_stream
path, rows = Path(sys.argv[1]), int(sys.argv[2])
save_stream("features", (torch.ones(100, 10_000) for _ in range(rows // 100)), dict, path)
save_stream("features", load_stream(path, "features", 100)[1], dict, path.with_name("again.pt"))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_file(tmp_path):
    peaks = []
    for rows in (100, 10_000):  # 4 MB, 400 MB
        command = [sys.executable, "-c", MEASURE, str(tmp_path / "mel.pt"), str(rows)]
        peaks.append(int(subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=True).stdout))
    assert peaks[1] < 1.1 * peaks[0]
