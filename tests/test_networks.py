"""The three networks: shapes, sizes, what they read out, and that they can learn."""

import itertools
import math

import pandas as pd
import pytest
import torch
from torch import nn

from scripts.demo import ROOT
from ser.corpora.emotions import EMOTIONS
from ser.data.fixed_length import RAVDESS_AudioDataset
from ser.models import cnn, extractor, lstm
from ser.networks.blocks import Standardize, conv_block
from ser.networks.cnn import AudioCNN, AudioCNNConfig
from ser.networks.cnn_lstm import CNNLSTM, CNNLSTMConfig
from ser.networks.lstm import AudioLSTM, AudioLSTMConfig
from ser.storage.params import ParamsError, build, read_params
from ser.training.best_epoch import BestEpochSettings, fit
from tests.test_augmentation import OFF

CNN = AudioCNNConfig(channels=(4, 6), kernel=3, dropout=0.3, hidden=16)
LSTM = AudioLSTMConfig(hidden=5, layers=2, dropout=0.4)
CNN_LSTM = CNNLSTMConfig(channels=(4, 6), kernels=(5, 3), dropout=0.3, lstm_hidden=5, lstm_layers=2, lstm_dropout=0.4)
SMALL = [
    pytest.param(AudioCNN, CNN, (1, 12, 21), id="cnn"),
    pytest.param(AudioLSTM, LSTM, (21, 12), id="lstm"),
    pytest.param(CNNLSTM, CNN_LSTM, (1, 12, 21), id="cnn_lstm"),
]


def design(section: str, settings: type) -> BestEpochSettings:
    return build(settings, read_params(ROOT / "params.yaml", section), section)


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def conv_block_parameters(before: int, after: int, kernel: int) -> int:
    """A weight for each pair of channels and place, a bias, and batch norm's scale and shift."""
    return after * (before * kernel**2 + 1) + 2 * after


def lstm_parameters(inputs: int, hidden: int, layers: int) -> int:
    """Two directions of four gates, each with input weights, recurrent weights and torch's two biases."""
    widths = [inputs] + [2 * hidden] * (layers - 1)
    return sum(2 * 4 * hidden * (width + hidden + 2) for width in widths)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def test_audio_cnn_is_the_one_of_the_design():
    network = AudioCNN(design("train_cnn", cnn.Settings).network, (1, 80, 301), 8, "global")
    flat = 256 * (80 // 16) * (301 // 16)
    convolutions = sum(conv_block_parameters(*widths, 3) for widths in itertools.pairwise((1, 32, 64, 128, 256)))
    assert parameters(network) == convolutions + 512 * (flat + 1) + 2 * 512 + 8 * (512 + 1)
    assert network.eval()(torch.randn(2, 1, 80, 301)).shape == (2, 8)
    assert [layer.p for layer in network.modules() if isinstance(layer, nn.Dropout)] == 5 * [0.3]


def test_audio_lstm_is_the_one_of_the_design():
    network = AudioLSTM(design("train_lstm", lstm.Settings).network, (301, 80), 8, "none")
    assert parameters(network) == lstm_parameters(80, 128, 2) + 8 * (2 * 128 + 1)
    assert network.eval()(torch.randn(2, 301, 80)).shape == (2, 8)
    assert network.lstm.dropout == network.head[0].p == 0.4


def test_cnn_lstm_is_the_one_of_the_design():
    network = CNNLSTM(design("train_extractor", extractor.Settings).network, (1, 80, 301), 8, "global").eval()
    convolutions = sum(conv_block_parameters(*block) for block in ((1, 32, 5), (32, 64, 3), (64, 128, 3)))
    assert parameters(network) == convolutions + lstm_parameters(128 * (80 // 8), 128, 2) + 8 * (512 + 1)
    mel = torch.randn(2, 1, 80, 301)
    assert network(mel).shape == (2, 8)
    assert network.embed(mel).shape == (2, 512)
    assert [layer.p for layer in network.modules() if isinstance(layer, nn.Dropout)] == 3 * [0.3]
    assert network.lstm.dropout == 0.4


@pytest.mark.parametrize(("kind", "config", "input_shape"), SMALL)
def test_clips_of_a_batch_do_not_change_one_anothers_logits(kind, config, input_shape):
    network, batch = kind(config, input_shape, 8, "none").eval(), torch.randn(5, *input_shape)
    one_by_one = torch.cat([network(clip[None]) for clip in batch])
    torch.testing.assert_close(network(batch), one_by_one)


@pytest.mark.parametrize(("kind", "config", "input_shape"), SMALL)
def test_dropout_works_in_training_only(kind, config, input_shape):
    network, batch = kind(config, input_shape, 8, "none"), torch.randn(5, *input_shape)
    assert network.training
    assert all(module.training for module in network.modules())
    assert not torch.equal(network(batch), network(batch))
    network.eval()
    assert torch.equal(network(batch), network(batch))


@pytest.mark.parametrize(("kind", "config", "input_shape"), SMALL)
def test_every_weight_learns_but_those_that_the_last_time_step_makes_idle(kind, config, input_shape):
    network = kind(config, input_shape, 8, "none")
    network(torch.randn(5, *input_shape)).square().sum().backward()
    idle = [name for name, value in network.named_parameters() if "weight" in name and not value.grad.any()]
    # backwards the last time step comes first: the last layer has no state yet to carry on
    assert idle == (["lstm.weight_hh_l1_reverse"] if kind is AudioLSTM else [])


@pytest.mark.parametrize(("kind", "config", "input_shape"), SMALL)
def test_logits_have_a_column_for_each_emotion(kind, config, input_shape):
    assert kind(config, input_shape, 3, "none").eval()(torch.randn(2, *input_shape)).shape == (2, 3)


def test_pooling_before_relu_equals_the_textbook_order():
    ours = conv_block(3, 8, kernel=5, dropout=0.0)
    convolution, norm, pool, relu, _ = ours
    textbook = nn.Sequential(nn.Conv2d(3, 8, 5, padding=2), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2))
    textbook[0].load_state_dict(convolution.state_dict())
    assert [type(layer) for layer in (norm, pool, relu)] == [nn.BatchNorm2d, nn.MaxPool2d, nn.ReLU]
    inputs = torch.randn(4, 3, 11, 14)
    weights = torch.randn(4, 8, 5, 7)
    gradients = []
    for block in (ours, textbook):
        leaf = inputs.clone().requires_grad_()
        outputs = block(leaf)
        (outputs * weights).sum().backward()
        gradients.append([outputs, leaf.grad, *(parameter.grad for parameter in block.parameters())])
    for our_value, textbook_value in zip(*gradients, strict=True):
        torch.testing.assert_close(our_value, textbook_value)
    torch.testing.assert_close(norm.running_var, textbook[1].running_var)


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_a_block_halves_height_and_width_whatever_its_kernel(kernel):
    assert conv_block(2, 3, kernel, 0.0)(torch.zeros(2, 2, 9, 16)).shape == (2, 3, 4, 8)


def test_audio_lstm_reads_the_last_time_step_of_the_last_layer():
    network, mfcc = AudioLSTM(LSTM, (21, 12), 8, "none").eval(), torch.randn(4, 21, 12)
    states, (hidden, _) = network.lstm(mfcc)
    forward, backward = states[:, -1].split(LSTM.hidden, dim=1)
    torch.testing.assert_close(network(mfcc), network.head(torch.cat([forward, backward], dim=1)))
    # forwards that step has seen the whole clip; backwards it is the first, far from the final state
    torch.testing.assert_close(forward, hidden[-2])
    assert not torch.allclose(backward, hidden[-1])


def test_embedding_is_the_final_state_of_every_layer_and_direction():
    network, mel = CNNLSTM(CNN_LSTM, (1, 12, 21), 8, "none").eval(), torch.randn(4, 1, 12, 21)
    sequence = network.convolutions(mel).permute(0, 3, 1, 2).flatten(2)
    _, (hidden, _) = network.lstm(sequence)
    assert hidden.shape == (2 * CNN_LSTM.lstm_layers, 4, CNN_LSTM.lstm_hidden)
    torch.testing.assert_close(network.embed(mel), torch.cat(list(hidden), dim=1))
    torch.testing.assert_close(network(mel), network.head(network.embed(mel)))


def test_the_sequence_of_the_cnn_lstm_is_time_with_channels_and_bands_as_features():
    network, seen = CNNLSTM(CNN_LSTM, (1, 12, 21), 8, "none").eval(), []
    network.lstm.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    mel = torch.randn(4, 1, 12, 21)
    network.embed(mel)
    maps = network.convolutions(mel)
    assert seen[0].shape == (4, 21 // 4, 6 * (12 // 4))
    for clip, time, channel, band in [(0, 0, 0, 0), (1, 4, 5, 2), (3, 2, 1, 0)]:
        assert seen[0][clip, time, channel * 3 + band] == maps[clip, channel, band, time]


@pytest.mark.parametrize(
    ("kind", "config", "input_shape", "learning_rate"),
    [
        (AudioCNN, AudioCNNConfig((8, 16, 32, 64), 3, 0.0, 64), (1, 80, 32), 1e-3),
        (AudioLSTM, AudioLSTMConfig(64, 2, 0.0), (20, 80), 5e-3),
        (CNNLSTM, CNNLSTMConfig((8, 16, 32), (5, 3, 3), 0.0, 32, 2, 0.0), (1, 80, 40), 3e-3),
    ],
    ids=["cnn", "lstm", "cnn_lstm"],
)
def test_each_network_overfits_eight_clips(kind, config, input_shape, learning_rate):
    table = pd.DataFrame({"clip": list("abcdefgh"), "emotion": EMOTIONS})
    clips = RAVDESS_AudioDataset(table, torch.randn(8, *input_shape))
    settings = BestEpochSettings(30, 8, learning_rate, "float32", "global", OFF)
    network = kind(config, input_shape, 8, "global")
    history = fit(network, clips, clips, 8, settings, 0, torch.device("cpu")).history
    assert history["train_accuracy"].iloc[-1] == history["val_accuracy"].max() == 1
    assert history["train_loss"].iloc[-1] < 0.2 * math.log(8)


@pytest.mark.parametrize(
    ("config", "change", "message"),
    [
        (CNN, {"channels": (4, 0)}, r"channels is \(4, 0\); allowed: numbers above 0"),
        (CNN, {"channels": ()}, r"channels is \(\); allowed: numbers above 0"),
        (CNN, {"kernel": 4}, r"kernel is 4; allowed: odd numbers above 0"),
        (CNN, {"dropout": 1.0}, r"dropout is 1\.0; allowed: 0 to below 1"),
        (CNN, {"dropout": -0.1}, r"dropout is -0\.1; allowed: 0 to below 1"),
        (CNN, {"hidden": 0}, r"hidden is 0; allowed: numbers above 0"),
        (LSTM, {"hidden": -1}, r"hidden is -1; allowed: numbers above 0"),
        (LSTM, {"layers": 0}, r"layers is 0; allowed: numbers above 0"),
        (LSTM, {"dropout": 1.5}, r"dropout is 1\.5; allowed: 0 to below 1"),
        (CNN_LSTM, {"kernels": (5, 2)}, r"kernels is \(5, 2\); allowed: odd numbers above 0"),
        (CNN_LSTM, {"kernels": (5, 3, 3)}, r"kernels is \(5, 3, 3\); allowed: one for each of \(4, 6\)"),
        (CNN_LSTM, {"lstm_hidden": 0}, r"lstm_hidden is 0; allowed: numbers above 0"),
        (CNN_LSTM, {"lstm_layers": 0}, r"lstm_layers is 0; allowed: numbers above 0"),
        (CNN_LSTM, {"lstm_dropout": 1.0}, r"lstm_dropout is 1\.0; allowed: 0 to below 1"),
    ],
)
def test_an_impossible_config_names_key_value_and_what_is_allowed(config, change, message):
    with pytest.raises(ParamsError, match=message):
        type(config)(**(vars(config) | change))


@pytest.mark.parametrize(("shape", "band_axis"), [((6, 1, 5, 7), -2), ((6, 7, 5), -1)], ids=["mel", "mfcc"])
@pytest.mark.parametrize("kind", ["global", "per_band"])
def test_standardized_training_features_have_mean_zero_and_deviation_one(shape, band_axis, kind):
    bands = torch.arange(1.0, 6.0).reshape([5] + [1] * (-band_axis - 1))
    features = torch.randn(shape) * bands - 10 * bands
    layer = Standardize(kind, 5, band_axis)
    layer.fit(features)
    by_band = layer(features).movedim(band_axis, 0).flatten(1)
    group = by_band if kind == "per_band" else by_band.reshape(1, -1)
    torch.testing.assert_close(group.mean(dim=1), torch.zeros(len(group)), rtol=0, atol=1e-5)
    torch.testing.assert_close(group.std(dim=1), torch.ones(len(group)))
    if kind == "global":  # one shift and scale for all keeps the bands' differences
        assert by_band.mean(dim=1).diff().lt(0).all()


def test_standardizing_by_none_changes_nothing():
    layer, features = Standardize("none", 5, -1), torch.randn(3, 7, 5)
    layer.fit(features)
    assert torch.equal(layer(features), features)


def test_standardizing_a_constant_band_stays_finite():
    layer = Standardize("per_band", 2, -1)
    layer.fit(torch.zeros(3, 4, 2))
    assert torch.equal(layer(torch.zeros(3, 4, 2)), torch.zeros(3, 4, 2))


def test_statistics_are_saved_with_the_weights_and_not_trained():
    network = AudioLSTM(LSTM, (21, 12), 8, "per_band")
    network.standardize.fit(torch.randn(4, 21, 12))
    other = AudioLSTM(LSTM, (21, 12), 8, "per_band")
    other.load_state_dict(network.state_dict())
    assert torch.equal(other.standardize.mean, network.standardize.mean)
    assert torch.equal(other.standardize.sd, network.standardize.sd)
    assert list(network.standardize.parameters()) == []


def test_an_unknown_normalization_is_refused():
    with pytest.raises(ParamsError, match="normalization is 'batch'; allowed: none or global or per_band"):
        Standardize("batch", 5, -1)


@pytest.mark.parametrize("shape", [(1, 8, 301), (1, 80, 15)])
def test_more_poolings_than_the_input_allows_are_refused(shape):
    with pytest.raises(ParamsError, match=r"channels is \(4, 4, 4, 4\); allowed: at most 3 blocks"):
        AudioCNN(AudioCNNConfig((4, 4, 4, 4), 3, 0.3, 8), shape, 8, "none")
