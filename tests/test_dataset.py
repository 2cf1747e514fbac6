"""Clips, splits and features → labelled tensors."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.utils.data import DataLoader

from ser.corpora.emotions import EMOTIONS
from ser.data.fixed_length import RAVDESS_AudioDataset, shuffled_batches
from ser.data.tables import class_weights, join_splits
from ser.features.audio import AudioSettings, load_mono, load_waveform
from ser.features.chunks import each_chunk
from ser.features.fixed_mel import FixedMel, LogMel, MelSettings
from ser.features.mfcc import mfcc_from_mel
from ser.storage.tensors import save_tensors
from stages.precompute_mel import CHUNK

AUDIO = AudioSettings(sample_rate_hz=16_000, duration_s=0.2)
MEL = MelSettings(n_mels=20, n_fft=400, hop_samples=160, top_db=80.0)
SPLITS = ["train", "val", "test", "train", "train"]


@pytest.fixture
def table():
    clips = [f"clip-{letter}" for letter in "abcde"]
    return pd.DataFrame(
        {"clip": clips, "path": [f"{clip}.wav" for clip in clips], "emotion": EMOTIONS[3:], "split": SPLITS}
    )


@pytest.fixture
def raw(table, tmp_path):
    """Five files that differ in rate, length, level and channels."""
    generator = np.random.default_rng(0)
    formats = [(48_000, 9_600, 1), (48_000, 7_000, 2), (16_000, 8_000, 1), (48_000, 20_000, 2), (16_000, 100, 1)]
    for name, (rate_hz, samples, channels) in zip(table["path"], formats, strict=True):
        soundfile.write(tmp_path / name, generator.normal(0, 0.1, (samples, channels)), rate_hz)
    return tmp_path


@pytest.fixture
def cache(table, tmp_path):
    """A cache whose features are the row numbers, in another order than the table's."""
    save_tensors({"clips": table["clip"].tolist()[::-1], "features": torch.arange(5.0)[:, None]}, tmp_path / "mel.pt")
    return tmp_path / "mel.pt"


def log_mel_of(path: Path) -> torch.Tensor:
    return LogMel(MEL, AUDIO.sample_rate_hz)(load_waveform(path, AUDIO)[None])[0]


def mel_of(paths: list[Path]) -> torch.Tensor:
    """(clip, 1, n_mels, frames), as the stage computes it: chunk by chunk."""
    front_end = FixedMel(AUDIO, MEL)
    return torch.cat(
        list(
            each_chunk(lambda chunk: front_end([load_mono(path, AUDIO.sample_rate_hz) for path in chunk]), paths, CHUNK)
        )
    )


def test_cached_features_equal_those_computed_on_the_fly(table, raw, tmp_path):
    mel = mel_of([raw / path for path in table["path"]])
    save_tensors({"clips": table["clip"].tolist(), "features": mel}, tmp_path / "mel.pt")
    cached = RAVDESS_AudioDataset.from_cache(tmp_path / "mel.pt", table)
    live = RAVDESS_AudioDataset.from_files(raw, table, log_mel_of)
    assert len(cached) == len(live) == 5
    for (cached_item, cached_label), (live_item, live_label) in zip(cached, live, strict=True):
        assert cached_item.shape == (1, 20, 21)
        assert cached_label == live_label
        # a spectrum of one clip and that of a batch may differ in the last bits
        torch.testing.assert_close(cached_item, live_item, rtol=0, atol=1e-3)
    torch.testing.assert_close(cached.features, live.features, rtol=0, atol=1e-3)


def test_cached_mfcc_equal_those_computed_on_the_fly(table, raw, tmp_path):
    mel = mel_of([raw / path for path in table["path"]])
    mfcc = mfcc_from_mel(mel, 12)
    save_tensors({"clips": table["clip"].tolist(), "features": mfcc}, tmp_path / "mfcc.pt")
    cached = RAVDESS_AudioDataset.from_cache(tmp_path / "mfcc.pt", table)
    live = RAVDESS_AudioDataset.from_files(raw, table, lambda path: mfcc_from_mel(log_mel_of(path)[None], 12)[0])
    assert cached.features.shape == (5, 21, 12)
    torch.testing.assert_close(cached.features, live.features, rtol=0, atol=1e-3)


def test_computed_mel_do_not_depend_on_the_chunk_a_clip_is_in(table, raw):
    paths = [raw / path for path in table["path"]] * 8
    mel = mel_of(paths)
    assert mel.shape == (40, 1, 20, 21)
    torch.testing.assert_close(mel, mel[:5].repeat(8, 1, 1, 1), rtol=0, atol=1e-3)


def test_items_follow_the_table_and_not_the_cache(table, cache):
    dataset = RAVDESS_AudioDataset.from_cache(cache, table)
    assert dataset.features.tolist() == [[4.0], [3.0], [2.0], [1.0], [0.0]]
    assert [dataset[index][0].item() for index in range(5)] == [4, 3, 2, 1, 0]


@pytest.mark.parametrize("front_end", [{"audio": {"sample_rate_hz": 16_000}}, None])
def test_a_dataset_and_its_parts_know_the_settings_of_their_features(table, tmp_path, front_end):
    content = {"clips": table["clip"].tolist(), "features": torch.zeros(5, 1)}
    save_tensors(content | ({"front_end": front_end} if front_end else {}), tmp_path / "mel.pt")
    dataset = RAVDESS_AudioDataset.from_cache(tmp_path / "mel.pt", table)
    assert dataset.front_end == dataset.part("val").front_end == front_end


def test_labels_are_indices_into_emotions(table, cache):
    dataset = RAVDESS_AudioDataset.from_cache(cache, table)
    assert [EMOTIONS[label] for _, label in dataset] == table["emotion"].tolist()
    assert dataset.labels.dtype == torch.int64


def test_the_cache_may_hold_more_clips_than_the_table_in_any_index(table, cache):
    some = table.iloc[[3, 1]].set_index(pd.Index([70, 50]))
    dataset = RAVDESS_AudioDataset.from_cache(cache, some)
    assert dataset.features.tolist() == [[1.0], [3.0]]
    assert dataset.table["clip"].tolist() == ["clip-d", "clip-b"]


def test_clips_that_the_cache_lacks_are_named(table, cache):
    stranger = table[:1].assign(clip="clip-z")
    with pytest.raises(ValueError, match=r"mel\.pt: lacks 1 clips, first \['clip-z'\]: run `dvc repro`"):
        RAVDESS_AudioDataset.from_cache(cache, pd.concat([table, stranger]))


def test_a_part_holds_the_clips_of_its_split(table, cache):
    dataset = RAVDESS_AudioDataset.from_cache(cache, table)
    train = dataset.part("train")
    assert train.table["clip"].tolist() == ["clip-a", "clip-d", "clip-e"]
    assert train.features.tolist() == [[4.0], [1.0], [0.0]]
    assert [EMOTIONS[label] for label in train.labels] == ["sad", "disgust", "surprised"]
    assert sum(len(dataset.part(split)) for split in ("train", "val", "test")) == len(dataset)


def test_a_part_of_files_is_computed_too(table, raw):
    part = RAVDESS_AudioDataset.from_files(raw, table, log_mel_of).part("val")
    assert torch.equal(part.features, log_mel_of(raw / "clip-b.wav")[None])


def test_a_split_without_clips_is_refused(table, cache):
    dataset = RAVDESS_AudioDataset.from_cache(cache, table[table["split"] != "val"])
    with pytest.raises(ValueError, match=r"no clip is in the split 'val'; splits are \['test', 'train'\]"):
        dataset.part("val")


def test_a_loader_makes_batches(table, cache):
    features, labels = next(iter(DataLoader(RAVDESS_AudioDataset.from_cache(cache, table), batch_size=4)))
    assert features.tolist() == [[4.0], [3.0], [2.0], [1.0]]
    assert labels.tolist() == [3, 4, 5, 6]


def test_joining_splits_keeps_the_order_of_the_clips(table):
    splits = table[["clip", "split"]].sample(frac=1, random_state=0)
    assert join_splits(table.drop(columns="split"), splits)["split"].tolist() == SPLITS


@pytest.mark.parametrize(("clips", "splits"), [(slice(0, 4), slice(0, 5)), (slice(0, 5), slice(0, 4))])
def test_a_clip_in_one_table_only_is_named(table, clips, splits):
    with pytest.raises(ValueError, match=r"clips and splits differ in 1 clips, first \['clip-e'\]: run `dvc repro`"):
        join_splits(table[["clip", "emotion"]][clips], table[["clip", "split"]][splits])


def test_a_clip_that_is_listed_twice_is_refused(table):
    splits = table[["clip", "split"]]
    with pytest.raises(ValueError, match="not a one-to-one merge"):
        join_splits(table[["clip", "emotion"]], pd.concat([splits, splits[:1]]))


@pytest.mark.parametrize("seed", range(5))
def test_class_weights_are_those_of_scikit_learn(seed):
    labels = np.random.default_rng(seed).choice(8, 200, p=np.arange(1, 9) / 36)
    labels[:8] = range(8)
    expected = compute_class_weight("balanced", classes=np.arange(8), y=labels)
    weights = class_weights(torch.from_numpy(labels), 8)
    np.testing.assert_allclose(weights, expected, rtol=1e-6)
    assert weights.dtype == torch.float32


def test_class_weights_are_one_on_average_over_the_clips():
    labels = torch.tensor([0] * 50 + [1] * 3 + [2] * 10)
    assert class_weights(labels, 3)[labels].mean() == pytest.approx(1)


def test_a_class_without_clips_weighs_nothing_and_changes_no_other_weight():
    labels = torch.tensor([0, 0, 0, 2])
    expected = compute_class_weight("balanced", classes=np.array([0, 2]), y=labels.numpy())
    assert class_weights(labels, 4).tolist() == pytest.approx([expected[0], 0, expected[1], 0])


@pytest.mark.parametrize(("clips", "batch_size"), [(10, 3), (12, 3), (11, 3), (5, 8), (2, 2)])
def test_an_epoch_shows_every_clip_once_but_for_a_last_batch_of_one(clips, batch_size):
    batches = list(shuffled_batches(clips, batch_size, torch.Generator().manual_seed(0)))
    rows = torch.cat(batches).tolist()
    assert len(rows) == len(set(rows)) == clips - (clips % batch_size == 1)
    assert all(2 <= len(batch) <= batch_size for batch in batches)


def test_epochs_differ_and_follow_from_the_seed():
    def two_epochs(seed: int) -> list[list[int]]:
        generator = torch.Generator().manual_seed(seed)
        return [torch.cat(list(shuffled_batches(20, 4, generator))).tolist() for _ in range(2)]

    assert two_epochs(1) == two_epochs(1)
    assert two_epochs(1) != two_epochs(2)
    assert two_epochs(1)[0] != two_epochs(1)[1]


def test_unknown_emotion_is_named():
    with pytest.raises(ValueError, match=r"unknown emotions \['joy'\]; expected \['neutral'"):
        RAVDESS_AudioDataset(pd.DataFrame({"clip": ["a"], "emotion": ["joy"]}), torch.zeros(1, 1))


def test_a_part_of_files_stays_on_the_fly():
    calls = []
    table = pd.DataFrame({"clip": list("ab"), "path": list("ab"), "emotion": ["sad"] * 2, "split": ["train", "val"]})
    part = RAVDESS_AudioDataset.from_files(Path(), table, lambda path: calls.append(path.name)).part("val")
    assert calls == []
    part[0]
    assert calls == ["b"]
