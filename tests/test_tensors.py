"""Tensors on disk: the same bytes each time, no code inside, damage is named."""

import os

import pytest
import torch

from ser.storage.tensors import load_tensors, save_tensors


class Payload:
    """Pickled, it is a shell command that runs on loading."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.fixture
def content():
    return {"features": torch.arange(6.0).reshape(2, 3), "clips": ["a", "b"]}


def test_what_is_saved_comes_back(content, tmp_path):
    save_tensors(content, tmp_path / "new" / "mel.pt")
    back = load_tensors(tmp_path / "new" / "mel.pt", ("clips", "features"))
    assert back["clips"] == ["a", "b"]
    assert torch.equal(back["features"], content["features"])
    assert back["features"].dtype == torch.float32


def test_neither_file_name_nor_key_order_nor_memory_layout_changes_the_bytes(content, tmp_path):
    save_tensors(content, tmp_path / "first.pt")
    save_tensors(
        {"clips": content["clips"], "features": content["features"].T.contiguous().T}, tmp_path / "other" / "second.pt"
    )
    assert (tmp_path / "first.pt").read_bytes() == (tmp_path / "other" / "second.pt").read_bytes()


def test_trained_weights_are_saved_without_their_gradients(tmp_path):
    save_tensors({"weight": torch.nn.Parameter(torch.ones(2))}, tmp_path / "a.pt")
    assert not load_tensors(tmp_path / "a.pt")["weight"].requires_grad


def test_a_slice_does_not_drag_along_what_it_was_cut_from(tmp_path):
    save_tensors({"part": torch.zeros(1000, 1000)[:, :1]}, tmp_path / "a.pt")
    assert (tmp_path / "a.pt").stat().st_size < 10_000


def test_a_file_with_code_is_refused_and_the_code_does_not_run(tmp_path):
    torch.save({"features": Payload(f"touch {tmp_path / 'ran'}")}, tmp_path / "evil.pt")
    with pytest.raises(ValueError, match=r"evil\.pt: not a readable tensor file"):
        load_tensors(tmp_path / "evil.pt")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("kept", [10, 400, -1])
def test_a_truncated_file_is_named_with_the_remedy(content, tmp_path, kept):
    save_tensors(content, tmp_path / "mel.pt")
    (tmp_path / "mel.pt").write_bytes((tmp_path / "mel.pt").read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"mel\.pt: not a readable tensor file .*Delete it and run `dvc repro`"):
        load_tensors(tmp_path / "mel.pt")


@pytest.mark.parametrize("saved", [{"clips": ["a"]}, ["clips", "features"]])
def test_a_missing_key_is_named(tmp_path, saved):
    torch.save(saved, tmp_path / "mel.pt")
    with pytest.raises(ValueError, match=r"mel\.pt: lacks \[.*'features'\]"):
        load_tensors(tmp_path / "mel.pt", ("clips", "features"))


def test_a_file_that_is_not_there_is_no_damaged_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"mel\.pt"):
        load_tensors(tmp_path / "mel.pt")


def test_an_empty_file_is_named(tmp_path):
    (tmp_path / "mel.pt").touch()
    with pytest.raises(ValueError, match=r"mel\.pt: not a readable tensor file \(File is not a zip file\)"):
        load_tensors(tmp_path / "mel.pt")


def test_memory_layout_does_not_change_bytes(tmp_path):
    layer = torch.nn.Conv2d(1, 4, 3)
    save_tensors(layer.state_dict(), tmp_path / "a.pt")
    save_tensors(layer.to(memory_format=torch.channels_last).state_dict(), tmp_path / "b.pt")
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "b.pt").read_bytes()


def test_a_slice_is_saved_without_the_rest(tmp_path):
    save_tensors({"part": torch.zeros(1000, 1000)[:1]}, tmp_path / "a.pt")
    assert (tmp_path / "a.pt").stat().st_size < 10_000


def test_a_flipped_byte_is_named_wherever_it_changes_what_is_read(content, tmp_path):
    save_tensors(content, tmp_path / "mel.pt")
    whole = (tmp_path / "mel.pt").read_bytes()
    named = 0
    for place in range(len(whole)):
        (tmp_path / "mel.pt").write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        try:
            back = load_tensors(tmp_path / "mel.pt")
        except ValueError as error:
            assert "mel.pt: not a readable tensor file" in str(error)
            named += 1
        else:
            assert back["clips"] == content["clips"]
            assert torch.equal(back["features"], content["features"])
    assert named > 500


def test_a_flipped_value_is_named_with_the_remedy(tmp_path):
    save_tensors({"features": torch.full((1000,), 7.0)}, tmp_path / "mel.pt")
    damaged = bytearray((tmp_path / "mel.pt").read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / "mel.pt").write_bytes(damaged)
    with pytest.raises(ValueError, match=r"mel\.pt: not a readable tensor file \(bad check sum of .*Delete it and run"):
        load_tensors(tmp_path / "mel.pt")


def test_a_file_that_cannot_be_written_is_named_with_the_remedy_and_the_old_one_stays(content, tmp_path, full_disk):
    save_tensors(content, tmp_path / "mel.pt")
    with full_disk(10_000), pytest.raises(OSError, match=r"mel\.pt: could not be written .*Make room on its disk and"):
        save_tensors({"features": torch.zeros(100_000)}, tmp_path / "mel.pt")
    assert load_tensors(tmp_path / "mel.pt")["clips"] == content["clips"]
    assert list(tmp_path.iterdir()) == [tmp_path / "mel.pt"]
