"""CompactNet, its features and its schedule: padding does not matter, the seed decides, it learns."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from ser.data.augmentation import Augmentation
from ser.data.masks import mask_of
from ser.data.own_length import OwnLengthClips, bucketed_batches
from ser.features.audio import load_mono
from ser.features.own_length_mel import LogMelSettings, OwnLengthMel, TrimmedLogMel, sounding
from ser.models.compact import Compact, Settings
from ser.networks.compact import CompactConfig, CompactNet, MaskedBatchNorm, MaskedBiLSTM, pool_pairs
from ser.networks.pooling import AttentivePooling
from ser.storage.params import ParamsError
from ser.storage.tensors import save_tensors
from ser.training.one_cycle import predict_own_length
from ser.training.runtime import RunSettings
from ser.training.schedule import ScheduleSettings
from tests.interruption import ended

CPU = torch.device("cpu")
BANDS = 16
CONFIG = CompactConfig((4, 8), 16, 3, (1, 2), dropout=0.1, lstm_hidden=8, heads=2, head_dropout=0.1)
SCHEDULE = ScheduleSettings(2, 4, 0.01, 0.2, 0.01, 0.1, 0.5, 5.0)
MILD = Augmentation(0.1, 0.05, 0, 3.0, 2.0, 0.2, 20.0, 1, 3, 0.1, 0.2)


def clips(number: int, seed: int = 0, spread: float = 1.0) -> OwnLengthClips:
    """Clips of 9 to 30 frames in dB whose label shows in the loudest bands."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(9, 31, (number,), generator=generator).tolist()
    labels = torch.arange(number) % 8
    frames = [spread * torch.randn(length, BANDS, generator=generator) - 30 for length in lengths]
    for clip, label in zip(frames, labels.tolist(), strict=True):
        clip[:, 2 * label : 2 * label + 2] += 10
    return OwnLengthClips(frames, labels)


def compact(config: CompactConfig = CONFIG, seed: int = 0) -> CompactNet:
    torch.manual_seed(seed)
    return CompactNet(config, BANDS, 8)


def logits_of(network: CompactNet, data: OwnLengthClips) -> torch.Tensor:
    return predict_own_length(network, data.lengths, data.batch, CPU)


def trained(
    train: OwnLengthClips | None = None,
    val: OwnLengthClips | None = None,
    seed: int = 0,
    resume: Path | None = None,
    **changes: object,
) -> Compact:
    """Train on 16 clips, of which 8 others are reported, unless others are given."""
    chosen = {"precision": "float32", "schedule": SCHEDULE, "augmentation": MILD, "network": CONFIG} | changes
    train, val = train or clips(16), val or clips(8, 1)
    return Compact.train(train, val, Settings(**chosen), RunSettings(seed, 1), CPU, resume)


def state_of(model: Compact) -> dict[str, torch.Tensor]:
    return model.network.state_dict()


@pytest.mark.parametrize("lstm_hidden", [0, 8])
@pytest.mark.parametrize("training", [False, True])
def test_a_clip_padded_further_has_the_same_logits(lstm_hidden, training):
    network = compact(dataclasses.replace(CONFIG, lstm_hidden=lstm_hidden, dropout=0.0, head_dropout=0.0)).train(
        training
    )
    network.standardize.fit(clips(8).clips)
    frames, lengths = clips(6).batch(torch.arange(6))
    expected = network(frames, lengths)
    for padding in (1, 2, 17):
        rubbish = 1000 * torch.randn(6, padding, BANDS)
        torch.testing.assert_close(
            network(torch.cat([frames, rubbish], dim=1), lengths), expected, atol=1e-4, rtol=1e-4
        )


def test_a_clip_does_not_depend_on_its_batch():
    network, data = compact().eval(), clips(7)
    together = logits_of(network, data)
    alone = torch.cat([logits_of(network, data[torch.tensor([row])]) for row in range(7)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("bands", [(), (4,)])
def test_masked_batch_norm_equals_torchs_on_the_frames_of_the_mask(bands):
    ours, theirs = MaskedBatchNorm(5), torch.nn.BatchNorm1d(5)
    mask = mask_of(torch.tensor([7, 3, 5]), 7)
    sequence = (3 * torch.randn(3, 7, *bands, 5) + 1).requires_grad_()
    ahead = torch.randn(3, 7, *bands, 5)
    expected = theirs(sequence[mask].flatten(0, -2)).view_as(sequence[mask])
    (gradient,) = torch.autograd.grad((expected * ahead[mask]).sum(), sequence)
    for training in (True, False):
        result = ours.train(training)(sequence, mask)
        assert result[~mask].eq(0).all()
        if training:
            torch.testing.assert_close(result[mask], expected)
            torch.testing.assert_close(torch.autograd.grad((result * ahead).sum(), sequence)[0], gradient)
    torch.testing.assert_close((ours.running_mean, ours.running_var), (theirs.running_mean, theirs.running_var))
    torch.testing.assert_close(result[mask], theirs.eval()(sequence[mask].flatten(0, -2)).view_as(expected))


def test_the_lstm_equals_torchs_bidirectional_one_on_each_clip():
    ours, theirs = MaskedBiLSTM(4, 3), torch.nn.LSTM(4, 3, batch_first=True, bidirectional=True)
    for name, value in ours.ahead.named_parameters():
        theirs.get_parameter(name).data = value.data
    for name, value in ours.back.named_parameters():
        theirs.get_parameter(f"{name}_reverse").data = value.data
    sequence, lengths = torch.randn(3, 9, 4), torch.tensor([9, 4, 6])
    result = ours(sequence, lengths)
    for clip, length in enumerate(lengths.tolist()):
        torch.testing.assert_close(result[clip, :length], theirs(sequence[clip : clip + 1, :length])[0][0])


@pytest.mark.parametrize("hidden", [0, 5])
def test_pooling_with_even_scores_gives_mean_and_deviation(hidden):
    pooling = AttentivePooling(6, 3, hidden)
    torch.nn.init.zeros_((pooling.scores[-1] if hidden else pooling.scores).weight)
    sequence, lengths = torch.randn(2, 8, 6), torch.tensor([8, 5])
    pooled = pooling(sequence, mask_of(lengths, 8))
    for clip, length in enumerate(lengths.tolist()):
        part = sequence[clip, :length]
        torch.testing.assert_close(pooled[clip], torch.cat([part.mean(dim=0), part.std(dim=0, unbiased=False)]))


def test_of_two_frames_the_larger_values_stay_and_an_odd_one_meets_a_zero():
    sequence = torch.tensor([[1.0, 4.0, -2.0, -3.0, -5.0], [2.0, 1.0, -7.0, 0.0, 0.0]])[..., None]
    halved, lengths = pool_pairs(sequence, torch.tensor([5, 3]))
    assert halved[..., 0].tolist() == [[4.0, -2.0, 0.0], [2.0, 0.0, 0.0]]
    assert lengths.tolist() == [3, 2]


def test_the_level_reaches_the_head_and_nothing_else():
    network = compact().eval()
    network.standardize.fit(clips(16).clips)
    frames, lengths = clips(4).batch(torch.arange(4))
    soft, loud = (network.embed(frames + gain, lengths) for gain in (0.0, 12.0))
    torch.testing.assert_close(soft[:, :-1], loud[:, :-1], atol=1e-4, rtol=1e-4)
    assert (loud[:, -1] > soft[:, -1]).all()


def test_standardisation_is_measured_on_the_clips_given():
    network, data = compact(), clips(16)
    network.standardize.fit(data.clips)
    frames, lengths = data.batch(torch.arange(16))
    mask = mask_of(lengths, frames.shape[1])
    shape, level = network.standardize(frames, mask)
    torch.testing.assert_close(shape[mask].mean(dim=0), torch.zeros(BANDS), atol=1e-4, rtol=0)
    torch.testing.assert_close(shape[mask].std(dim=0), torch.ones(BANDS), atol=1e-3, rtol=0)
    torch.testing.assert_close(level.std(), torch.tensor(1.0), atol=1e-3, rtol=0)


def test_it_learns_and_the_averaged_weights_predict():
    schedule = dataclasses.replace(SCHEDULE, epochs=25, averaging_decay=0.8)
    result = trained(clips(32), clips(16, seed=1), schedule=schedule)
    assert result.history["train_loss"].iloc[-1] < 0.7 * result.history["train_loss"].iloc[0]
    assert result.history["val_accuracy"].iloc[-1] > 0.7
    logits = result.logits(clips(16, seed=1))
    right = (logits.argmax(dim=1) == clips(16, seed=1).labels).float().mean()
    assert right == pytest.approx(result.history["val_accuracy"].iloc[-1])


def test_the_same_seed_gives_the_same_weights():
    first, again, other = (state_of(trained(seed=seed)) for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_training_steps_have_their_precision_and_predictions_are_float32():
    plain, half = (trained(precision=precision) for precision in ("float32", "bfloat16"))
    assert (plain.precision, half.precision) == ("float32", "bfloat16")
    logits = [model.logits(clips(16)) for model in (plain, half)]
    assert logits[1].dtype == torch.float32 and not torch.equal(*logits)
    torch.testing.assert_close(*logits, atol=0.1, rtol=0.1)


@pytest.mark.parametrize("after_epoch", [1, 3])
def test_an_interrupted_training_goes_on_to_equal_weights(after_epoch, tmp_path, monkeypatch):
    schedule, path = dataclasses.replace(SCHEDULE, epochs=4), tmp_path / "some.pt"
    expected = trained(schedule=schedule)
    with ended(after_epoch, monkeypatch):
        trained(schedule=schedule, resume=path)
    # Neither the weights of the new process nor where its generators stand may matter
    monkeypatch.setattr("ser.models.compact.seed_generators", lambda _: torch.manual_seed(99))
    result = trained(schedule=schedule, resume=path)
    state, other = state_of(expected), state_of(result)
    assert all(torch.equal(state[name], other[name]) for name in state)
    assert all(state[name].stride() == other[name].stride() for name in state)
    pd.testing.assert_frame_equal(result.history, expected.history, check_exact=True)


def test_validation_clips_change_no_weight():
    states = [state_of(trained(val=clips(8, seed))) for seed in (1, 2)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_the_history_has_a_row_an_epoch():
    history = trained().history
    assert list(history.columns) == ["epoch", "train_loss", "val_loss", "val_accuracy"]
    assert history["epoch"].tolist() == [1, 2]
    assert np.isfinite(history).all(axis=None)


def test_batches_hold_every_clip_once_and_little_padding():
    lengths = torch.randint(40, 120, (997,), generator=torch.Generator().manual_seed(0))
    batches = list(bucketed_batches(lengths, 32, torch.Generator().manual_seed(0)))
    assert torch.cat(batches).sort().values.tolist() == list(range(997))
    frames = sum(int(lengths[rows].max()) * len(rows) for rows in batches)
    assert frames < 1.15 * lengths.sum()
    again = list(bucketed_batches(lengths, 32, torch.Generator().manual_seed(1)))
    assert not torch.equal(torch.cat(batches), torch.cat(again))


def test_a_last_batch_of_one_is_left_out():
    assert [len(rows) for rows in bucketed_batches(torch.full((9,), 5), 4, torch.Generator())] == [4, 4]


def test_the_cache_gives_clips_in_the_order_of_the_table(tmp_path):
    content = {"clips": ["a", "b"], "frames": torch.arange(10.0).view(5, 2), "lengths": torch.tensor([2, 3])}
    save_tensors(content, tmp_path / "logmel.pt")
    table = pd.DataFrame({"clip": ["b", "a"], "emotion": ["sad", "calm"]})
    data = OwnLengthClips.from_cache(tmp_path / "logmel.pt", table)
    assert data.lengths.tolist() == [3, 2]
    assert data.clips[0].tolist() == [[4, 5], [6, 7], [8, 9]]
    assert data.labels.tolist() == [3, 1]
    assert data.front_end is None
    save_tensors(content | {"front_end": {"sample_rate_hz": 16000}}, tmp_path / "logmel.pt")
    data = OwnLengthClips.from_cache(tmp_path / "logmel.pt", table)
    assert data.front_end == data[torch.tensor([1])].front_end == {"sample_rate_hz": 16000}
    with pytest.raises(ValueError, match="lacks 1 clips, first \\['c'\\]"):
        OwnLengthClips.from_cache(tmp_path / "logmel.pt", table.assign(clip=["b", "c"]))


LOGMEL = LogMelSettings(n_mels=20, n_fft=512, hop_samples=400, top_db=80.0, trim_db=35.0)


def tone(seconds: float, amplitude: float = 0.1, silence_s: float = 0.0) -> np.ndarray:
    samples = np.arange(round(seconds * 16000))
    quiet = np.zeros(round(silence_s * 16000))
    return np.concatenate([quiet, amplitude * np.sin(2 * np.pi * 440 * samples / 16000), quiet]).astype(np.float32)


@pytest.fixture
def recordings(tmp_path):
    """Three WAV files: a second of tone, half of it as loud, and one with half a second of silence at each end."""
    waves = (tone(1.0), tone(1.0, 0.05), tone(1.0, silence_s=0.5))
    paths = [tmp_path / f"{index}.wav" for index in range(3)]
    for path, wave in zip(paths, waves, strict=True):
        soundfile.write(path, wave, 16000, subtype="FLOAT")
    return paths


def logmel_of(paths: list[Path]) -> list[torch.Tensor]:
    return OwnLengthMel(16000, LOGMEL)([load_mono(path, 16000) for path in paths])


def test_features_keep_the_level_and_cut_the_silence(recordings):
    plain, softer, silent_ends = logmel_of(recordings)
    assert plain.shape == (41, 20)
    assert (plain.max() - softer.max()).item() == pytest.approx(20 * np.log10(2), abs=0.01)
    assert 40 <= len(silent_ends) <= 44
    assert silent_ends.max().item() == pytest.approx(plain.max().item(), abs=0.1)
    assert plain.max() - plain.min() <= 80.01


def test_a_clips_features_do_not_depend_on_its_chunk(recordings):
    together = logmel_of(recordings)
    for path, expected in zip(recordings, together, strict=True):
        [alone] = logmel_of([path])
        torch.testing.assert_close(alone, expected, atol=1e-3, rtol=1e-5)


def test_trimming_keeps_what_lies_between_loud_frames():
    power = torch.tensor([[1e-9], [1.0], [1e-9], [1e-3], [1e-9]])
    assert sounding(power, 35.0) == slice(1, 4)
    assert sounding(power, 25.0) == slice(1, 2)


def test_a_waveform_that_is_loud_throughout_is_not_trimmed():
    wave = torch.from_numpy(tone(0.5))
    assert len(TrimmedLogMel(LOGMEL, 16000)([wave])[0]) == len(wave) // 400 + 1


@pytest.mark.parametrize(
    ("key", "value", "allowed"), [("heads", 3, "a divisor of 16"), ("kernel", 2, "odd"), ("dropout", 1.0, "0 to below")]
)
def test_impossible_networks_are_refused(key, value, allowed):
    with pytest.raises(ParamsError, match=f"{key} is .*; allowed: {allowed}"):
        dataclasses.replace(CONFIG, **{key: value})


@pytest.mark.parametrize(("key", "value"), [("epochs", 0), ("averaging_decay", 1.0), ("peak_learning_rate", 0.0)])
def test_impossible_schedules_are_refused(key, value):
    with pytest.raises(ParamsError, match=f"{key} is {value}; allowed: "):
        dataclasses.replace(SCHEDULE, **{key: value})
