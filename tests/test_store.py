"""A trained model saved and built again, and folders that hold none."""

import json
from pathlib import Path

import lightgbm
import numpy as np
import pytest
import torch

from ser.corpora.emotions import EMOTIONS
from ser.models.cnn import CNN
from ser.models.compact import Compact
from ser.models.extractor import Extractor
from ser.models.fixed_length import FixedLengthModel
from ser.models.hybrid import Hybrid
from ser.models.lstm import LSTM
from ser.models.store import read_description, write_description
from ser.networks.cnn import AudioCNNConfig
from ser.networks.cnn_lstm import CNNLSTMConfig
from ser.networks.compact import CompactNet
from ser.networks.lstm import AudioLSTMConfig
from ser.storage.params import ParamsError
from tests.test_compact import BANDS, clips
from tests.test_compact import CONFIG as COMPACT_CONFIG

CPU = torch.device("cpu")
FRONT_END = {"audio": {"duration_s": 0.1, "sample_rate_hz": 16_000}}
CNN_CONFIG = AudioCNNConfig(channels=(4, 6), kernel=3, dropout=0.3, hidden=16)
MODELS = [
    pytest.param(CNN, CNN_CONFIG, (1, 12, 21), id="cnn"),
    pytest.param(LSTM, AudioLSTMConfig(hidden=5, layers=2, dropout=0.4), (21, 12), id="lstm"),
    pytest.param(Extractor, CNNLSTMConfig((4, 6), (5, 3), 0.3, 5, 2, 0.4), (1, 12, 21), id="extractor"),
]


def trained(kind: type[FixedLengthModel], config: object, shape: tuple[int, ...]) -> FixedLengthModel:
    """A model whose statistics and batch norms differ from those of a new one."""
    torch.manual_seed(0)
    network = kind.network_kind(config, shape, len(EMOTIONS), "per_band")
    features = 3 * torch.randn(6, *shape) - 20
    network.standardize.fit(features)
    network(features)
    return kind(network.eval(), config, "per_band", shape, FRONT_END, "float32", 3, CPU)


def trained_compact() -> Compact:
    torch.manual_seed(0)
    network = CompactNet(COMPACT_CONFIG, BANDS, len(EMOTIONS))
    network.standardize.fit(clips(8).clips)
    network(*clips(8).batch(torch.arange(8)))
    return Compact(network.eval(), COMPACT_CONFIG, BANDS, FRONT_END, "bfloat16", CPU)


def trained_hybrid(dim: int) -> Hybrid:
    random = np.random.default_rng(0)
    features, labels = random.normal(size=(64, dim)), np.arange(64) % 8
    model = lightgbm.LGBMClassifier(n_estimators=3, min_child_samples=2, n_jobs=1, verbosity=-1).fit(features, labels)
    return Hybrid(model.booster_, 3)


@pytest.fixture
def saved(tmp_path) -> Path:
    trained(CNN, CNN_CONFIG, (1, 12, 21)).save(tmp_path / "cnn")
    return tmp_path / "cnn"


def description_of(folder: Path) -> dict[str, object]:
    return json.loads((folder / "model.json").read_text())


def edit_description(folder: Path, **changes: object) -> None:
    (folder / "model.json").write_text(json.dumps(description_of(folder) | changes))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("kind", "config", "shape"), MODELS)
def test_a_loaded_model_gives_the_same_logits(tmp_path, kind, config, shape):
    model, features = trained(kind, config, shape), torch.randn(3, *shape)
    model.save(tmp_path / "model")
    loaded = kind.load(tmp_path / "model")
    assert not loaded.network.training
    assert torch.equal(loaded.logits(features), model.logits(features))
    np.testing.assert_array_equal(loaded.probabilities(features), model.probabilities(features))
    for name in ("config", "normalization", "input_shape", "front_end", "precision", "best_epoch", "device"):
        assert getattr(loaded, name) == getattr(model, name)


def test_a_loaded_extractor_gives_the_same_embeddings(tmp_path):
    kind, config, shape = MODELS[2].values
    model, features = trained(kind, config, shape), torch.randn(70, *shape)
    model.save(tmp_path / "extractor")
    embeddings = Extractor.load(tmp_path / "extractor").embed(features)
    assert embeddings.shape == (70, 2 * 2 * 5)
    assert torch.equal(embeddings, model.embed(features))


def test_a_loaded_compact_model_gives_the_same_logits(tmp_path):
    model = trained_compact()
    model.save(tmp_path / "compact")
    loaded = Compact.load(tmp_path / "compact")
    assert not loaded.network.training
    assert torch.equal(loaded.logits(clips(5, seed=3)), model.logits(clips(5, seed=3)))
    for name in ("config", "bands", "front_end", "precision", "device"):
        assert getattr(loaded, name) == getattr(model, name)


def test_a_loaded_hybrid_gives_the_same_scores_and_holds_its_extractor(tmp_path):
    kind, config, shape = MODELS[2].values
    extractor, hybrid = trained(kind, config, shape), trained_hybrid(20)
    hybrid.save(tmp_path / "hybrid", extractor)
    loaded = Hybrid.load(tmp_path / "hybrid")
    features = torch.randn(5, *shape)
    embeddings = Extractor.load(tmp_path / "hybrid/extractor").embed(features)
    assert torch.equal(loaded.logits(embeddings), hybrid.logits(extractor.embed(features)))
    np.testing.assert_array_equal(loaded.probabilities(embeddings), hybrid.probabilities(embeddings))
    np.testing.assert_allclose(loaded.logits(embeddings).softmax(dim=1), loaded.probabilities(embeddings), atol=1e-12)
    assert loaded.best_iteration == 3


def test_saving_twice_gives_the_same_bytes_and_leaves_nothing_else(saved):
    before = contents(saved)
    assert before.keys() == {"model.json", "weights.pt"}
    (saved / "old").touch()
    trained(CNN, CNN_CONFIG, (1, 12, 21)).save(saved)
    assert contents(saved) == before
    assert [path.name for path in saved.parent.iterdir()] == ["cnn"]


def test_a_model_that_cannot_be_written_leaves_the_old_one(saved, monkeypatch):
    before = contents(saved)

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("ser.models.fixed_length.save_weights", fail)
    with pytest.raises(OSError, match="disk full"):
        trained(CNN, CNN_CONFIG, (1, 12, 21)).save(saved)
    assert contents(saved) == before
    assert [path.name for path in saved.parent.iterdir()] == ["cnn"]


def test_the_description_tells_what_the_model_is(saved):
    assert description_of(saved) == {
        "best_epoch": 3,
        "config": {"channels": [4, 6], "dropout": 0.3, "hidden": 16, "kernel": 3},
        "emotions": list(EMOTIONS),
        "front_end": FRONT_END,
        "input_shape": [1, 12, 21],
        "model": "cnn",
        "normalization": "per_band",
        # two blocks, each with batch norm; 6 channels of 3 × 5; two linear layers around a batch norm
        "parameters": (4 * 10 + 8) + (6 * 37 + 12) + 16 * 91 + 32 + 8 * 17,
        "precision": "float32",
    }


def test_numbers_of_a_description_come_back_to_the_last_bit(tmp_path):
    write_description(tmp_path, "some", number=1 / 3, nested={"sd": [1e-12, 0.1 + 0.2]})
    found = read_description(tmp_path, "some", ("number", "nested"))
    assert (found["number"], found["nested"]) == (1 / 3, {"sd": [1e-12, 0.1 + 0.2]})


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (LSTM, "holds the model 'cnn', expected 'lstm'"),
        (Extractor, "holds the model 'cnn', expected 'extractor'"),
        (Compact, "holds the model 'cnn', expected 'compact'"),
        (Hybrid, "holds the model 'cnn', expected 'hybrid'"),
    ],
)
def test_another_model_is_refused(saved, kind, message):
    with pytest.raises(ValueError, match=rf"cnn/model\.json: {message}"):
        kind.load(saved)


def test_settings_that_are_none_are_named(saved):
    path = saved / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | {"config": None}), encoding="utf-8")
    with pytest.raises(ParamsError, match="config: expected a mapping, found None"):
        CNN.load(saved)


@pytest.mark.parametrize(
    "changes",
    [
        {"config": {"channels": [4, 7], "dropout": 0.3, "hidden": 16, "kernel": 3}},
        {"input_shape": [1, 16, 21]},
        {"normalization": "global"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_weights_that_do_not_fit_their_description_are_refused(saved, changes):
    edit_description(saved, **changes)
    with pytest.raises(ValueError, match=r"cnn/weights\.pt: weights do not fit .*cnn/model\.json"):
        CNN.load(saved)


def test_other_emotions_are_refused(saved):
    edit_description(saved, emotions=["calm", "angry"])
    with pytest.raises(ValueError, match=r"model\.json: its emotions are \['calm', 'angry'\], expected \['neutral', "):
        CNN.load(saved)


def test_an_impossible_config_is_named_with_its_folder(saved):
    edit_description(saved, config={"channels": [4, 6], "dropout": 0.3, "kernel": 4, "layers": 2})
    with pytest.raises(ParamsError, match=r"cnn: config\.hidden: missing\n  config\.layers: unknown"):
        CNN.load(saved)


@pytest.mark.parametrize("key", ["best_epoch", "config", "front_end", "input_shape", "normalization", "precision"])
def test_a_missing_key_is_named(saved, key):
    description = description_of(saved)
    del description[key]
    (saved / "model.json").write_text(json.dumps(description))
    with pytest.raises(ValueError, match=rf"model\.json: not the description of a model, lacks \['{key}'\]"):
        CNN.load(saved)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null"])
def test_a_file_that_is_no_description_is_named(saved, text):
    (saved / "model.json").write_text(text)
    with pytest.raises(ValueError, match=r"cnn/model\.json: not the description of a model \(.*\)\. Run `dvc repro`"):
        CNN.load(saved)


def test_a_description_of_something_else_is_named(saved):
    (saved / "model.json").write_text("{}")
    with pytest.raises(ValueError, match=r"model\.json: not the description of a model, lacks \['best_epoch', "):
        CNN.load(saved)


def test_damaged_weights_are_named(saved):
    weights = saved / "weights.pt"
    weights.write_bytes(weights.read_bytes()[:500])
    with pytest.raises(ValueError, match=r"cnn/weights\.pt: not a readable tensor file"):
        CNN.load(saved)


def test_a_folder_without_weights_is_named(saved):
    (saved / "weights.pt").unlink()
    with pytest.raises(FileNotFoundError, match=r"cnn/weights\.pt"):
        CNN.load(saved)


@pytest.mark.parametrize("exists", [True, False])
def test_a_folder_that_is_no_model_is_named(tmp_path, exists):
    if exists:
        (tmp_path / "raw").mkdir()
    with pytest.raises(FileNotFoundError, match=r"raw/model\.json: no such file; expected the folder of a model"):
        CNN.load(tmp_path / "raw")


@pytest.mark.parametrize("text", ["", "not trees"])
def test_damaged_trees_are_named(tmp_path, text):
    kind, config, shape = MODELS[2].values
    trained_hybrid(20).save(tmp_path / "hybrid", trained(kind, config, shape))
    (tmp_path / "hybrid/trees.txt").write_text(text)
    with pytest.raises(ValueError, match=r"hybrid/trees\.txt: not a model of LightGBM"):
        Hybrid.load(tmp_path / "hybrid")
