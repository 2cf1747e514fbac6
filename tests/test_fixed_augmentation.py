"""Augmentation of mel and MFCC: the same changes, at their fixed length, and nothing at all when off."""

import pytest
import torch

from ser.data.fixed_augmentation import augment_fixed, from_frames, refit, to_frames
from ser.features.mfcc import mfcc_from_mel
from tests.test_augmentation import EACH, OFF, only, seeded

KINDS = {"mel": (6, 1, 20, 31), "mfcc": (6, 31, 20)}


def features(kind: str) -> torch.Tensor:
    """Mel around -40 dB, or its MFCC."""
    mel = 5 * torch.randn(KINDS["mel"], generator=seeded(3)) - 40
    return mel if kind == "mel" else mfcc_from_mel(mel, 20)


@pytest.mark.parametrize("kind", KINDS)
def test_off_gives_the_clips_back_and_draws_nothing(kind):
    clips, generator = features(kind), seeded()
    changed, mixture = augment_fixed(clips, OFF, generator)
    assert changed is clips
    assert mixture is None
    assert torch.equal(generator.get_state(), seeded().get_state())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", EACH)
def test_each_change_keeps_shapes_and_is_decided_by_the_seed(kind, name):
    clips = features(kind)
    before = clips.clone()
    first, again, other = (augment_fixed(clips, only(**EACH[name]), seeded(seed))[0] for seed in (1, 1, 2))
    assert (first.shape, first.dtype) == (KINDS[kind], torch.float32)
    assert first.is_contiguous() and first.isfinite().all()
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(first, before)
    assert torch.equal(clips, before)


@pytest.mark.parametrize("name", EACH)
def test_mfcc_change_as_the_mel_they_come_from(name):
    mel, _ = augment_fixed(features("mel"), only(**EACH[name]), seeded())
    mfcc, _ = augment_fixed(features("mfcc"), only(**EACH[name]), seeded())
    torch.testing.assert_close(mfcc, mfcc_from_mel(mel, 20), atol=1e-2, rtol=1e-3)


def test_all_coefficients_give_back_the_log_mel_spectrogram():
    mel = features("mel")
    torch.testing.assert_close(to_frames(features("mfcc")), mel.squeeze(1).transpose(1, 2), atol=1e-3, rtol=0)
    for kind in KINDS:
        clips = features(kind)
        torch.testing.assert_close(from_frames(to_frames(clips), clips.ndim), clips, atol=1e-3, rtol=0)


def test_fewer_coefficients_give_a_smoothed_spectrogram_of_as_many_bands():
    slope = torch.linspace(-60, -20, 20).view(1, 1, 20, 1).expand(1, 1, 20, 5).contiguous()
    frames = to_frames(mfcc_from_mel(slope, 10))
    expected = torch.linspace(-59, -21, 10).expand(1, 5, 10) * 2**0.5
    torch.testing.assert_close(frames, expected, atol=2, rtol=0)


@pytest.mark.parametrize("count", [3, 5, 9])
def test_clips_are_cut_or_filled_up_with_their_lowest_value(count):
    frames = torch.tensor([[[-3.0, 2], [-1, 0], [-9, -9], [7, 7], [7, 7]], [[1, 2], [3, 4], [5, 6], [7, 8], [9, 9]]])
    result = refit(frames, torch.tensor([2, 5]), count)
    assert result.shape == (2, count, 2)
    assert torch.equal(result[0, :2], frames[0, :2])
    assert result[0, 2:].eq(-3).all()
    assert torch.equal(result[1, : min(count, 5)], frames[1, : min(count, 5)])
    assert result[1, 5:].eq(1).all()


def test_speed_leaves_silence_behind_a_faster_clip_and_cuts_a_slower_one():
    ramp = torch.arange(40.0)[None, None, None].expand(50, 1, 4, 40).contiguous()
    changed, _ = augment_fixed(ramp, only(speed=0.25), seeded())
    ends = changed[:, 0, 0, -1]
    faster = ends == 0  # the lowest value of a clip that rises from 0
    assert 10 < faster.sum() < 40
    assert (ends[~faster] > 28).all()


@pytest.mark.parametrize("kind", KINDS)
def test_mixup_blends_features_as_it_says(kind):
    clips = features(kind)
    mixed, mixture = augment_fixed(clips, only(mixup=0.5), seeded())
    share = mixture.share.view(-1, *[1] * (clips.ndim - 1))
    torch.testing.assert_close(mixed, share * clips + (1 - share) * clips[mixture.other], atol=1e-3, rtol=1e-3)
