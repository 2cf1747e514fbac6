"""The training loop: what it keeps, what it repeats exactly, and what it never sees."""

import random
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from scripts.demo import ROOT
from ser.corpora.emotions import EMOTIONS
from ser.data.augmentation import Mixture
from ser.data.fixed_augmentation import augment_fixed
from ser.data.fixed_length import RAVDESS_AudioDataset
from ser.networks.blocks import Standardize
from ser.storage.params import ParamsError
from ser.training import best_epoch as training
from ser.training.best_epoch import (
    BatchNormSettings,
    BestEpochSettings,
    fit,
    measure_batch_norm,
    predict_logits,
    predict_probabilities,
)
from ser.training.checkpoints import Checkpoint
from ser.training.runtime import resolve_precision, seed_generators, set_up_torch
from tests.interruption import ended
from tests.test_augmentation import OFF, only

CPU = torch.device("cpu")
NEEDS_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
DEVICES = [CPU, pytest.param(torch.device("cuda"), marks=NEEDS_GPU, id="gpu")]
AUGMENTED = only(gain_db=1.0, tilt_db=1.0, mixup=0.3)


def settings(**changes: object) -> BestEpochSettings:
    values = {"epochs": 3, "batch_size": 4, "learning_rate": 0.01, "precision": "float32", "normalization": "global"}
    kind = BatchNormSettings if "batch_norm_clips" in changes else BestEpochSettings
    return kind(**({"augmentation": OFF} | values | changes))


def dataset(clips: int, seed: int = 0, features: int = 6) -> RAVDESS_AudioDataset:
    """Clips of noise, (clip, 1, features) float32, the emotions in turn; the first feature is the label."""
    table = pd.DataFrame({"clip": [f"{seed}-{clip}" for clip in range(clips)]})
    table["emotion"] = [EMOTIONS[clip % 8] for clip in range(clips)]
    noise = torch.randn(clips, 1, features, generator=torch.Generator().manual_seed(seed))
    noise[:, 0, 0] = torch.arange(clips) % 8
    return RAVDESS_AudioDataset(table, noise)


class Perceptron(nn.Module):
    """The smallest network with all that `fit` has to handle: statistics, batch norm and dropout."""

    def __init__(self, normalization: str = "global", features: int = 6) -> None:
        super().__init__()
        self.standardize = Standardize(normalization, features, -1)
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(features, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 8)
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.layers(self.standardize(features))


class Scripted(nn.Module):
    """In each epoch it gets so many validation clips right, so surely; the buffer `epoch` tells states apart."""

    def __init__(self, script: list[tuple[int, float]]) -> None:
        super().__init__()
        self.standardize = Standardize("none", 6, -1)
        self.weight = nn.Parameter(torch.zeros(8))
        self.register_buffer("epoch", torch.tensor(0))
        self.script = script
        self.batches: list[int] = []

    def train(self, mode: bool = True) -> "Scripted":
        self.epoch += mode
        return super().train(mode)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.batches.append(len(features))
            return self.weight.expand(len(features), 8)
        right, sureness = self.script[int(self.epoch) - 1]
        labels = features[:, 0, 0].long()
        guesses = torch.where(torch.arange(len(labels)) < right, labels, (labels + 1) % 8)
        return sureness * nn.functional.one_hot(guesses, 8).float()


def train(seed: int = 0, **changes: object) -> tuple[dict[str, torch.Tensor], pd.DataFrame]:
    """Train a new Perceptron; return its state and the history."""
    torch.manual_seed(seed)
    network = Perceptron()
    result = fit(network, dataset(18), dataset(8, seed=1), 8, settings(**changes), seed, CPU)
    return network.state_dict(), result.history


def equal(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first.keys() | second.keys())


@pytest.mark.parametrize(
    ("script", "best"),
    [
        ([(2, 1.0), (6, 1.0), (4, 1.0)], 2),  # the most accurate, though a later epoch follows
        ([(2, 1.0), (4, 1.0), (6, 1.0)], 3),
        ([(0, 9.0), (0, 9.0), (0, 9.0)], 1),  # none is better than the first
        ([(6, 1.0), (6, 0.5), (6, 2.0)], 3),  # as accurate with a lower loss
        ([(6, 2.0), (6, 0.5), (6, 2.0)], 1),  # equal in both: the earliest
        ([(5, 1.0), (6, 9.0), (5, 3.0)], 2),  # accuracy comes first, however high the loss
    ],
)
def test_the_weights_of_the_best_epoch_are_kept(script, best):
    network = Scripted(script)
    result = fit(network, dataset(8), dataset(8, seed=1), 8, settings(), 0, CPU)
    assert result.best_epoch == network.epoch == best
    assert result.history["val_accuracy"].tolist() == [right / 8 for right, _ in script]


def test_the_kept_weights_give_the_best_epochs_figures():
    kept = []
    for seed in range(4):  # which of them end at their best depends on the processor's last bits
        torch.manual_seed(seed)
        network, val = Perceptron(), dataset(40, seed=1)
        result = fit(network, dataset(32), val, 8, settings(epochs=12, learning_rate=0.1), 0, CPU)
        best = result.history.loc[result.best_epoch - 1]
        assert best["epoch"] == result.best_epoch
        assert best["val_accuracy"] == result.history["val_accuracy"].max()
        logits = predict_logits(network, val.features, "float32", CPU)
        assert (logits.argmax(dim=1) == val.labels).float().mean() == pytest.approx(best["val_accuracy"])
        assert nn.functional.cross_entropy(logits, val.labels) == pytest.approx(best["val_loss"], rel=1e-4)
        kept.append(result.best_epoch)
    assert min(kept) < 12


def test_the_history_has_a_row_an_epoch():
    _, history = train()
    assert list(history.columns) == ["epoch", "train_loss", "val_loss", "train_accuracy", "val_accuracy"]
    assert history["epoch"].tolist() == [1, 2, 3]
    assert np.isfinite(history).all(axis=None)
    assert history[["train_accuracy", "val_accuracy"]].stack().between(0, 1).all()


def test_training_lowers_the_loss():
    _, history = train(epochs=15)
    assert history["train_loss"].iloc[-1] < 0.7 * history["train_loss"].iloc[0]


def test_the_same_seed_gives_the_same_weights_and_history():
    (first, first_history), (second, second_history) = train(), train()
    assert equal(first, second)
    pd.testing.assert_frame_equal(first_history, second_history, check_exact=True)


def test_another_seed_gives_other_weights():
    assert not equal(train(0)[0], train(1)[0])


def test_the_seed_of_the_order_alone_changes_the_weights():
    states = []
    for seed in (0, 1):
        torch.manual_seed(0)
        network = Perceptron()
        fit(network, dataset(18), dataset(8, seed=1), 8, settings(), seed, CPU)
        states.append(network.state_dict())
    assert not equal(*states)


def test_test_clips_change_nothing():
    states = []
    for test_features in (0.0, float("nan")):
        clips = dataset(32)
        clips.table["split"] = ["train"] * 20 + ["val"] * 6 + ["test"] * 6
        clips.features[26:] = test_features
        torch.manual_seed(0)
        network = Perceptron()
        fit(network, clips.part("train"), clips.part("val"), 8, settings(), 0, CPU)
        states.append(network.state_dict())
    assert equal(*states)


@pytest.mark.parametrize("normalization", ["global", "per_band"])
def test_normalization_is_measured_on_training_clips_only(normalization):
    statistics = []
    for val_seed in (1, 2):
        network, val = Perceptron(normalization), dataset(8, val_seed)
        val.features[:] *= 100 * val_seed
        fit(network, dataset(18), val, 8, settings(epochs=1, normalization=normalization), 0, CPU)
        statistics.append(network.standardize.state_dict())
    assert equal(*statistics)
    assert not equal(statistics[0], Perceptron(normalization).standardize.state_dict())


@pytest.mark.parametrize(("clips", "batches"), [(9, [4, 4]), (10, [4, 4, 2]), (8, [4, 4])])
def test_a_last_batch_of_one_is_skipped(clips, batches):
    network = Scripted([(1, 1.0)] * 3)
    fit(network, dataset(clips), dataset(8), 8, settings(), 0, CPU)
    assert network.batches == 3 * batches


def test_rare_emotions_weigh_as_much_as_common_ones():
    train_clips = dataset(24)
    train_clips.labels[:] = torch.tensor([0] * 20 + [1] * 4)
    network = Scripted([(epoch, 1.0) for epoch in range(9)])  # the last epoch is the best
    fit(
        network,
        train_clips,
        dataset(8),
        8,
        settings(epochs=9, batch_size=24, learning_rate=0.9),
        0,
        CPU,
    )
    common, rare, *absent = network.weight.tolist()
    assert rare == pytest.approx(common, abs=1e-3)
    assert max(absent) < rare - 1


def test_training_in_bfloat16_says_so_and_learns_too():
    torch.manual_seed(0)
    network = Perceptron()
    result = fit(network, dataset(16), dataset(8), 8, settings(epochs=15, precision="bfloat16"), 0, CPU)
    assert result.precision == "bfloat16"
    assert result.history["train_loss"].iloc[-1] < 0.7 * result.history["train_loss"].iloc[0]
    assert {value.dtype for value in network.state_dict().values()} == {torch.float32, torch.int64}


def test_probabilities_sum_to_one_and_do_not_depend_on_the_batch():
    torch.manual_seed(0)
    network, features = Perceptron(), dataset(150).features
    probabilities = predict_probabilities(network, features, "float32", CPU)
    assert (probabilities.shape, probabilities.dtype) == ((150, 8), np.float64)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=0, atol=1e-12)
    alone = [predict_probabilities(network, clip[None], "float32", CPU) for clip in features[::30]]
    np.testing.assert_allclose(probabilities[::30], np.concatenate(alone), rtol=1e-5)


def test_automatic_precision_is_a_precision_and_others_are_taken_as_they_are():
    assert resolve_precision("auto", CPU) in ("float32", "bfloat16")
    assert [resolve_precision(name, CPU) for name in ("float32", "bfloat16")] == ["float32", "bfloat16"]


def test_an_unknown_precision_is_refused():
    with pytest.raises(ParamsError, match="precision is 'float16'; allowed: auto or float32 or bfloat16"):
        resolve_precision("float16", CPU)


@pytest.fixture
def torch_as_before():
    """Undo what `set_up_torch` sets for the whole process."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.set_flush_denormal(False)
    torch.use_deterministic_algorithms(False)
    torch.utils.deterministic.fill_uninitialized_memory = True


def test_seeding_reaches_every_generator():
    def draws(seed: int) -> tuple[float, float, float]:
        seed_generators(seed)
        return torch.rand(1).item(), np.random.rand(), random.random()

    first, again, other = draws(1), draws(1), draws(2)
    assert first == again
    assert all(one != another for one, another in zip(first, other, strict=True))


@pytest.mark.usefixtures("torch_as_before")
def test_torch_is_set_up_with_these_threads_and_deterministic():
    device = set_up_torch(1)
    assert device.type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert torch.get_num_threads() == 1
    assert torch.are_deterministic_algorithms_enabled()


def test_setting_up_torch_after_parallel_work_is_refused():
    """The threads of that work would keep denormal numbers, and be slow."""
    late = "torch.set_num_threads(2); torch.ones(2**21) * 2; set_up_torch(2)"
    command = f"import torch; from ser.training.runtime import set_up_torch; {late}"
    ran = subprocess.run([sys.executable, "-c", command], cwd=ROOT, text=True, capture_output=True)
    assert "RuntimeError: set_up_torch() came after parallel work on tensors" in ran.stderr


class Dropped(Perceptron):
    """A batch norm behind dropout, as in each block of the CNNs."""

    def __init__(self) -> None:
        super().__init__("none")
        self.norm = nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(6))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return super().forward(self.norm(features.flatten(1)).unsqueeze(1))


def test_batch_norm_is_measured_without_dropout():
    network, features = Dropped(), 3 * torch.randn(40, 1, 6) + 1
    measure_batch_norm(network, features, "float32", CPU)
    norm = network.norm[1]
    torch.testing.assert_close(norm.running_mean, features.flatten(1).mean(dim=0))
    torch.testing.assert_close(norm.running_var, features.flatten(1).var(dim=0))


def test_batch_norm_measured_on_no_clips_keeps_its_running_averages():
    network = Dropped()
    network(torch.randn(40, 1, 6))
    before = network.norm[1].running_var.clone()
    measure_batch_norm(network, torch.empty(0, 1, 6), "float32", CPU)
    assert torch.equal(network.norm[1].running_var, before)


def test_clips_that_measure_batch_norm_change_no_weight():
    weights = []
    for clips in (0, 16):
        torch.manual_seed(0)
        network = Dropped()
        fit(network, dataset(18), dataset(8, seed=1), 8, settings(epochs=1, batch_norm_clips=clips), 0, CPU)
        weights.append([parameter.detach().clone() for parameter in network.parameters()])
    assert all(torch.equal(*pair) for pair in zip(*weights, strict=True))


def test_training_figures_are_means_over_the_clips_seen():
    train_clips = dataset(9)  # two batches of four; the ninth clip is left out
    train_clips.labels[:] = 0  # all logits are equal, so every clip is right
    result = fit(Scripted([(8, 1.0)]), train_clips, dataset(8), 8, settings(epochs=1), 0, CPU)
    assert result.history["train_accuracy"].tolist() == [1]


@pytest.mark.parametrize(("precision", "normalization"), [("float16", "global"), ("float32", "batch")])
def test_impossible_precision_and_normalization_are_refused_before_training(precision, normalization):
    with pytest.raises(ParamsError, match=r"is '(float16|batch)'; allowed: "):
        BestEpochSettings(1, 2, 0.1, precision, normalization, OFF)


@pytest.mark.parametrize("augmentation", [OFF, AUGMENTED])
@pytest.mark.parametrize("after_epoch", [1, 4, 5])
@pytest.mark.parametrize("device", DEVICES)
def test_an_interrupted_training_goes_on_to_equal_weights(device, after_epoch, augmentation, tmp_path, monkeypatch):
    chosen = settings(epochs=6, augmentation=augmentation, batch_norm_clips=8)
    rest = (dataset(18), dataset(8, seed=1), 8, chosen, 0, device)

    def network() -> Perceptron:
        torch.manual_seed(0)
        return Dropped()

    undisturbed = network()
    expected = fit(undisturbed, *rest)
    with ended(after_epoch, monkeypatch):
        fit(network(), *rest, Checkpoint(tmp_path / "some.pt", 1))
    torch.manual_seed(99)  # where the generator of the new process stands must not matter
    resumed = Dropped()
    result = fit(resumed, *rest, Checkpoint(tmp_path / "some.pt", 1))
    assert equal(undisturbed.state_dict(), resumed.state_dict())
    assert result.best_epoch == expected.best_epoch
    pd.testing.assert_frame_equal(result.history, expected.history, check_exact=True)


def test_augmentation_off_leaves_the_plain_path(monkeypatch):
    expected, expected_history = train()
    monkeypatch.setattr(training, "augment_fixed", lambda features, *_: (features, None))
    state, history = train()
    assert equal(state, expected)
    pd.testing.assert_frame_equal(history, expected_history, check_exact=True)


def test_augmentation_on_changes_the_weights_and_the_seed_decides_them():
    (first, _), (again, _), (plain, _) = train(augmentation=AUGMENTED), train(augmentation=AUGMENTED), train()
    assert equal(first, again)
    assert not equal(first, plain)


def test_only_training_clips_are_augmented_each_batch_and_in_the_order_of_a_plain_training(monkeypatch):
    orders = []
    for augmentation in (OFF, AUGMENTED):
        seen = []

        def noted(features, settings, generator, seen=seen):
            seen.append(features.clone())
            return augment_fixed(features, settings, generator)

        monkeypatch.setattr(training, "augment_fixed", noted)
        train(augmentation=augmentation)
        orders.append(torch.cat(seen))
    assert torch.equal(*orders)
    known = {tuple(clip) for clip in dataset(18).features.flatten(1).tolist()}
    assert {tuple(clip) for clip in orders[0].flatten(1).tolist()} == known
    assert len(orders[0]) == 3 * 18


@pytest.mark.parametrize("own", [True, False])
def test_a_clip_mixed_with_none_or_with_itself_trains_as_it_is(own, monkeypatch):
    _, expected = train()

    def mixed(features, *_):
        other = torch.arange(len(features)) if own else torch.arange(len(features)).flip(0)
        return features, Mixture(other, torch.full((len(features),), 0.6 if own else 1.0))

    monkeypatch.setattr(training, "augment_fixed", mixed)
    # In training: of a bias that batch norm leaves without a gradient Adam makes much, out of rounding
    np.testing.assert_allclose(train()[1]["train_loss"], expected["train_loss"], rtol=1e-4)


def test_a_training_that_diverges_says_what_to_change():
    clips = dataset(18)
    clips.features[3] = float("inf")
    with pytest.raises(ValueError, match=r"loss of epoch 1 is nan: lower learning_rate"):
        fit(Perceptron("none"), clips, dataset(8), 8, settings(), 0, CPU)
