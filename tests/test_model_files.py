"""A trained network saved and built again."""

import json

import pytest
import torch

from ser.corpora.emotions import EMOTIONS
from ser.models.store import load_network, save_network
from ser.networks.cnn import AudioCNN, AudioCNNConfig
from ser.networks.cnn_lstm import CNNLSTM, CNNLSTMConfig
from ser.networks.lstm import AudioLSTM, AudioLSTMConfig

CNN = AudioCNNConfig(channels=(4, 6), kernel=3, dropout=0.3, hidden=16)
NETWORKS = [
    pytest.param(AudioCNN, CNN, (1, 12, 21), id="cnn"),
    pytest.param(AudioLSTM, AudioLSTMConfig(hidden=5, layers=2, dropout=0.4), (21, 12), id="lstm"),
    pytest.param(CNNLSTM, CNNLSTMConfig((4, 6), (5, 3), 0.3, 5, 2, 0.4), (1, 12, 21), id="cnn_lstm"),
]


def trained(kind, config, input_shape) -> torch.nn.Module:
    """A network whose statistics and batch norms differ from those of a new one."""
    torch.manual_seed(0)
    network = kind(config, input_shape, len(EMOTIONS), "per_band")
    clips = 3 * torch.randn(6, *input_shape) - 20
    network.standardize.fit(clips)
    network(clips)
    return network.eval()


@pytest.fixture
def saved(tmp_path):
    save_network(trained(AudioCNN, CNN, (1, 12, 21)), CNN, (1, 12, 21), "per_band", tmp_path / "cnn.pt", best_epoch=3)
    return tmp_path / "cnn.pt"


def edit_description(path, **changes) -> None:
    description = json.loads(path.with_suffix(".json").read_text()) | changes
    path.with_suffix(".json").write_text(json.dumps(description))


@pytest.mark.parametrize(("kind", "config", "input_shape"), NETWORKS)
def test_a_loaded_network_gives_the_same_logits(tmp_path, kind, config, input_shape):
    network, clips = trained(kind, config, input_shape), torch.randn(3, *input_shape)
    save_network(network, config, input_shape, "per_band", tmp_path / "model.pt")
    loaded = load_network(kind, type(config), tmp_path / "model.pt")
    assert not loaded.training
    assert torch.equal(loaded(clips), network(clips))


def test_saving_twice_gives_the_same_bytes(saved):
    before = [saved.with_suffix(suffix).read_bytes() for suffix in (".pt", ".json")]
    save_network(trained(AudioCNN, CNN, (1, 12, 21)), CNN, (1, 12, 21), "per_band", saved, best_epoch=3)
    assert [saved.with_suffix(suffix).read_bytes() for suffix in (".pt", ".json")] == before


def test_the_description_tells_what_the_network_is(saved):
    description = json.loads(saved.with_suffix(".json").read_text())
    assert description == {
        "best_epoch": 3,
        "config": {"channels": [4, 6], "dropout": 0.3, "hidden": 16, "kernel": 3},
        "emotions": list(EMOTIONS),
        "input_shape": [1, 12, 21],
        "network": "AudioCNN",
        "normalization": "per_band",
        # two blocks, each with batch norm; 6 channels of 3 × 5; two linear layers around a batch norm
        "parameters": (4 * 10 + 8) + (6 * 37 + 12) + 16 * 91 + 32 + 8 * 17,
    }


def test_another_kind_of_network_is_refused(saved):
    with pytest.raises(ValueError, match=r"cnn\.pt: holds AudioCNN, expected AudioLSTM"):
        load_network(AudioLSTM, AudioLSTMConfig, saved)


@pytest.mark.parametrize(
    "changes",
    [
        {"config": {"channels": [4, 7], "dropout": 0.3, "hidden": 16, "kernel": 3}},
        {"input_shape": [1, 16, 21]},
        {"emotions": ["calm", "angry"]},
        {"normalization": "global"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_weights_that_do_not_fit_their_description_are_refused(saved, changes):
    edit_description(saved, **changes)
    with pytest.raises(ValueError, match=r"cnn\.pt: weights do not fit .*cnn\.json"):
        load_network(AudioCNN, AudioCNNConfig, saved)


def test_damaged_weights_are_named(saved):
    saved.write_bytes(saved.read_bytes()[:500])
    with pytest.raises(ValueError, match=r"cnn\.pt: not a readable tensor file"):
        load_network(AudioCNN, AudioCNNConfig, saved)


def test_a_description_that_lacks_keys_is_named(saved):
    saved.with_suffix(".json").write_text("{}")
    with pytest.raises(ValueError, match=r"cnn\.json: not the description of a network"):
        load_network(AudioCNN, AudioCNNConfig, saved)
