"""Augmentation: each change does what it says, within its reach, decided by the seed, and to training clips only."""

import dataclasses

import pytest
import torch

from ser.data.augmentation import Augmentation, Mixture, augment, mix, mixed_loss, warped_bands
from ser.data.masks import mask_of
from ser.data.own_length import OwnLengthClips
from ser.storage.params import ParamsError
from tests.test_compact import SCHEDULE, clips, trained

OFF = Augmentation(*[0.0] * 2, 0, *[0.0] * 4, 0, 0, 0.0, 0.0)
EACH = {
    "speed": {"speed": 0.3},
    "frequency_warp": {"frequency_warp": 0.2},
    "shift_frames": {"shift_frames": 8},
    "gain_db": {"gain_db": 6.0},
    "tilt_db": {"tilt_db": 6.0},
    "noise": {"noise_fraction": 0.99, "noise_snr_db": 10.0},
    "band_mask": {"masks": 2, "band_mask": 6},
    "time_mask": {"masks": 2, "time_mask_fraction": 0.3},
}


def only(**changes: float) -> Augmentation:
    return dataclasses.replace(OFF, **changes)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch(size: int = 12, bands: int = 20) -> tuple[torch.Tensor, torch.Tensor]:
    """Clips of 30 to 52 frames around -40 dB, padded with zeros."""
    lengths = 30 + 2 * torch.arange(size)
    noise = 5 * torch.randn(size, int(lengths.max()), bands, generator=seeded(9)) - 40
    return noise * mask_of(lengths, noise.shape[1])[..., None], lengths


def test_all_off_changes_nothing():
    frames, lengths = batch()
    changed, same = augment(frames, lengths, OFF, seeded())
    assert torch.equal(changed, frames)
    assert torch.equal(same, lengths)


@pytest.mark.parametrize("name", EACH)
def test_each_change_changes_clips_and_keeps_them_finite(name):
    frames, lengths = batch()
    changed, new = augment(frames, lengths, only(**EACH[name]), seeded())
    assert changed.shape == (12, int(new.max()), 20)
    assert changed.dtype == torch.float32
    assert changed.isfinite().all()
    assert name == "speed" or torch.equal(new, lengths)
    longest = min(frames.shape[1], changed.shape[1])
    both = mask_of(lengths.minimum(new), longest)
    assert (changed[:, :longest][both] != frames[:, :longest][both]).any()


@pytest.mark.parametrize("name", EACH)
def test_the_seed_decides(name):
    frames, lengths = batch()
    first, again, other = (augment(frames, lengths, only(**EACH[name]), seeded(seed))[0] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert first.shape != other.shape or not torch.equal(first, other)


@pytest.mark.parametrize("name", EACH)
def test_the_batch_it_came_from_stays_as_it_was(name):
    frames, lengths = batch()
    before = frames.clone(), lengths.clone()
    augment(frames, lengths, only(**EACH[name]), seeded())
    assert torch.equal(frames, before[0])
    assert torch.equal(lengths, before[1])


def test_no_draw_of_the_global_generator_is_used_up():
    frames, lengths = batch()
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    augment(frames, lengths, only(masks=2, band_mask=6, time_mask_fraction=0.3), seeded())
    assert torch.equal(torch.rand(4), expected)


def test_speed_changes_lengths_within_its_reach_and_stretches_what_is_there():
    ramp = torch.arange(40.0)[None, :, None].expand(50, 40, 4).contiguous()
    changed, lengths = augment(ramp, torch.full((50,), 40), only(speed=0.25), seeded())
    assert 40 / 1.25 <= lengths.min() < 36 and 46 < lengths.max() <= round(40 / 0.75)
    for clip, length in zip(changed, lengths.tolist(), strict=True):
        torch.testing.assert_close(clip[:length, 0], torch.linspace(0, 39, length), atol=1e-3, rtol=0)


def test_frequency_warp_moves_a_line_to_its_scaled_frequency():
    scale, bands = 1.25, 64
    source = warped_bands(bands, torch.tensor([scale]))[0]
    top = 2595 * torch.log10(torch.tensor(1 + 8000 / 700))
    hz = 700 * (10 ** (top * torch.arange(1, bands + 1) / (bands + 1) / 2595) - 1)
    source_hz = 700 * (10 ** (top * (source + 1) / (bands + 1) / 2595) - 1)
    torch.testing.assert_close(source_hz * scale, hz, rtol=1e-4, atol=0.1)


def test_gain_is_the_same_for_a_clip_and_tilt_leaves_its_mean():
    frames, lengths = batch()
    gain = augment(frames, lengths, only(gain_db=6.0), seeded())[0] - frames
    assert gain.abs().max() <= 6
    torch.testing.assert_close(gain, gain[:, :1, :1].expand_as(gain), atol=1e-4, rtol=0)
    assert gain[:, 0, 0].unique().numel() == 12
    tilt = augment(frames, lengths, only(tilt_db=6.0), seeded())[0] - frames
    torch.testing.assert_close(tilt.mean(dim=2), torch.zeros(tilt.shape[:2]), atol=1e-4, rtol=0)


def test_noise_only_adds_power_and_fills_gaps_up_to_its_level():
    frames = torch.full((20, 30, 8), -20.0)
    frames[:, 15:] = -100
    noisy, _ = augment(frames, torch.full((20,), 30), only(noise_fraction=0.5, noise_snr_db=20.0), seeded())
    touched = (noisy != frames).any(dim=(1, 2))
    assert 0 < touched.sum() < 20
    assert (noisy >= frames - 1e-4).all()
    gaps = noisy[touched][:, 15:]
    assert (gaps.mean() > -85) and gaps.max() < -20


def test_masks_hide_no_more_than_their_widths_behind_the_clips_mean():
    frames, lengths = batch(bands=40)
    masked, _ = augment(frames, lengths, only(masks=1, band_mask=6), seeded())
    hidden = masked != frames
    assert (hidden.all(dim=1).sum(dim=1) <= 6).all()
    clip = int(hidden.flatten(1).any(dim=1).nonzero()[0])
    inside = masked[clip][hidden[clip]]
    torch.testing.assert_close(inside, frames[clip, : lengths[clip]].mean().expand_as(inside), atol=1e-3, rtol=0)


def test_mixup_blends_only_where_both_clips_have_frames():
    frames, lengths = batch()
    mixed, mixture = mix(frames, lengths, 0.5, seeded())
    other, share = mixture.other, mixture.share
    assert ((share >= 0.5) & (share <= 1)).all()
    assert other.sort().values.tolist() == list(range(12))
    for clip in range(12):
        both = int(min(lengths[clip], lengths[other[clip]]))
        blend = share[clip] * frames[clip, :both] + (1 - share[clip]) * frames[other[clip], :both]
        torch.testing.assert_close(mixed[clip, :both], blend)
        assert torch.equal(mixed[clip, both:], frames[clip, both:])


def test_no_mixup_leaves_clips_alone():
    frames, lengths = batch()
    mixed, mixture = mix(frames, lengths, 0.0, seeded())
    assert torch.equal(mixed, frames)
    assert mixture is None


def test_the_loss_of_a_mixture_lies_between_those_of_its_labels():
    logits, labels = torch.randn(4, 8, generator=seeded()), torch.tensor([0, 1, 2, 3])
    mixture = Mixture(torch.tensor([1, 0, 3, 2]), torch.tensor([1.0, 0.5, 0.75, 1.0]))
    weights = torch.linspace(0.5, 2, 8)
    own, own_weights = mixed_loss(logits, labels, None, weights)
    other, other_weights = mixed_loss(logits, labels[mixture.other], None, weights)
    losses, blended = mixed_loss(logits, labels, mixture, weights)
    expected = torch.nn.functional.cross_entropy(logits, labels, weights, reduction="none")
    torch.testing.assert_close(own, expected)
    torch.testing.assert_close(losses, mixture.share * own + (1 - mixture.share) * other)
    torch.testing.assert_close(blended, mixture.share * own_weights + (1 - mixture.share) * other_weights)


def test_only_training_clips_are_augmented(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "ser.models.compact.augment", lambda frames, lengths, *_: seen.append(frames.mean()) or (frames, lengths)
    )
    train, val = clips(12), clips(6, seed=1)
    val = OwnLengthClips([clip + 1000 for clip in val.clips], val.labels)
    trained(train, val, augmentation=OFF)
    assert len(seen) == SCHEDULE.epochs * 3
    assert max(seen) < 500


def test_off_means_that_no_change_is_on():
    assert only(noise_snr_db=9.0, band_mask=4, time_mask_fraction=0.2).is_off
    for name in ("speed", "frequency_warp", "gain_db", "tilt_db", "noise_fraction", "mixup"):
        assert not only(**{name: 0.1}).is_off
    assert not only(masks=1).is_off
    assert not only(shift_frames=1).is_off


@pytest.mark.parametrize(("key", "value"), [("speed", 1.0), ("noise_fraction", -0.1), ("mixup", -1.0), ("masks", -1)])
def test_impossible_reaches_are_refused(key, value):
    with pytest.raises(ParamsError, match=f"{key} is {value}; allowed: 0"):
        only(**{key: value})
