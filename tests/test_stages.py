"""The scripts: what they write, and one line instead of a traceback when their input is wrong."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
import yaml

from scripts.demo import ROOT
from ser.corpora.ravdess import all_names, parse_name
from ser.evaluation.predictions import read_predictions
from ser.models.cnn import CNN
from ser.models.extractor import Extractor
from ser.networks.cnn import AudioCNN, AudioCNNConfig
from ser.networks.cnn_lstm import CNNLSTM, CNNLSTMConfig
from ser.storage.dotted import override
from ser.storage.files import read_table, write_table
from ser.storage.tensors import load_tensors, save_tensors
from ser.storage.yaml12 import read_yaml
from stages import (
    extract_features,
    precompute_mel,
    precompute_mfcc,
    split,
    train_cnn,
    train_extractor,
    train_lgbm,
    train_lstm,
)

CLIPS, SPLITS = Path("data/clips.csv"), Path("data/splits.csv")
MEL, MFCC, EMBEDDINGS = (Path(f"data/{name}.pt") for name in ("features/mel", "features/mfcc", "embeddings"))
EXTRACTOR, HYBRID = Path("models/extractor"), Path("models/hybrid")
WEIGHTS = EXTRACTOR / "weights.pt"
INPUT_SHAPE = (1, 16, 24)
UNTRAINED = {"front_end": None, "precision": "float32", "best_epoch": 1, "device": torch.device("cpu")}
TRAININGS = [
    pytest.param(train_cnn, MEL, id="train_cnn"),
    pytest.param(train_lstm, MFCC, id="train_lstm"),
    pytest.param(train_extractor, MEL, id="train_extractor"),
    pytest.param(train_lgbm, EMBEDDINGS, id="train_lgbm"),
]


def name_of(stage) -> str:
    return stage.__name__.removeprefix("stages.")


def change_params(**changes: object) -> None:
    path = Path("params.yaml")
    params = override(read_yaml(path), {key.replace("__", "."): v for key, v in changes.items()})
    path.write_text(yaml.safe_dump(params))


def save_extractor() -> CNNLSTM:
    config = CNNLSTMConfig((4, 6), (5, 3), 0.3, lstm_hidden=5, lstm_layers=2, lstm_dropout=0.4)
    torch.manual_seed(0)
    network = CNNLSTM(config, INPUT_SHAPE, 8, "global").eval()
    Extractor(network, config, "global", INPUT_SHAPE, **UNTRAINED).save(EXTRACTOR)
    return network


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with the committed params and sound inputs for every stage; two actors, features of noise."""
    threads = torch.get_num_threads()
    monkeypatch.chdir(tmp_path)
    # It would change how torch runs in every later test
    for stage in (train_cnn, train_lstm, train_extractor, extract_features):
        monkeypatch.setattr(stage, "set_up_torch", lambda threads: torch.device("cpu"))
    Path("params.yaml").write_text((ROOT / "params.yaml").read_text(encoding="utf-8"))
    change_params(train_lgbm__estimators=5, train_lgbm__threads=1)
    names = all_names(2)
    clips = pd.DataFrame([vars(parse_name(name)) | {"path": str(name)} for name in names])
    clips["sex"], clips["duplicate_of"] = np.where(clips["actor"] % 2, "male", "female"), None
    write_table(clips, CLIPS)
    split.main()
    generator = torch.Generator().manual_seed(0)
    for path, shape in ((MEL, INPUT_SHAPE), (MFCC, (24, 16)), (EMBEDDINGS, (20,))):
        features = torch.randn(len(clips), *shape, generator=generator)
        save_tensors({"clips": clips["clip"].tolist(), "features": features, "front_end": {}}, path)
    save_extractor()
    yield tmp_path
    torch.set_num_threads(threads)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("project")
def test_split_writes_a_row_for_each_clip_in_order_and_says_how_many(capsys):
    before = SPLITS.read_bytes()
    split.main()
    assert SPLITS.read_bytes() == before
    table = read_table(SPLITS)
    assert list(table.columns) == ["clip", "split"]
    assert table["clip"].tolist() == read_table(CLIPS)["clip"].tolist()
    assert table["split"].value_counts().to_dict() == {"train": 84, "val": 18, "test": 18}
    assert capsys.readouterr().out == "84 train, 18 val, 18 test (stratified)\n"


@pytest.mark.usefixtures("project")
def test_precompute_writes_features_of_the_clips_in_order():
    clips = read_table(CLIPS)[:20]
    write_table(clips, CLIPS)
    generator = np.random.default_rng(0)
    for path in clips["path"]:
        Path("data/raw", path).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(Path("data/raw", path), generator.normal(0, 0.1, generator.integers(5_000, 9_000)), 48_000)
    change_params(audio__duration_s=0.15)
    precompute_mel.main()
    precompute_mfcc.main()
    mel, mfcc = load_tensors(MEL), load_tensors(MFCC)
    assert mel["clips"] == mfcc["clips"] == clips["clip"].tolist()
    assert mel["features"].shape == (20, 1, 80, 16)
    assert mfcc["features"].shape == (20, 16, 80)
    before = MEL.read_bytes(), MFCC.read_bytes()
    precompute_mel.main()
    precompute_mfcc.main()
    assert (MEL.read_bytes(), MFCC.read_bytes()) == before


@pytest.mark.usefixtures("project")
def test_extract_features_embeds_every_clip():
    network = save_extractor()
    extract_features.main()
    embeddings, mel = load_tensors(EMBEDDINGS), load_tensors(MEL)
    assert embeddings["clips"] == mel["clips"]
    assert embeddings["features"].shape == (120, 2 * 2 * 5)
    with torch.inference_mode():
        torch.testing.assert_close(embeddings["features"][:5], network.embed(mel["features"][:5]))


@pytest.mark.usefixtures("project")
def test_train_lgbm_writes_the_same_model_and_predictions_twice():
    predictions = Path("data/predictions/hybrid.csv")
    train_lgbm.main()
    before = files(HYBRID), predictions.read_bytes()
    assert sorted(Path(path).relative_to(HYBRID).as_posix() for path in before[0]) == [
        "extractor/model.json",
        "extractor/weights.pt",
        "model.json",
        "trees.txt",
    ]
    train_lgbm.main()
    assert (files(HYBRID), predictions.read_bytes()) == before
    for name in ("model.json", "weights.pt"):
        assert (HYBRID / "extractor" / name).read_bytes() == (EXTRACTOR / name).read_bytes()
    predictions = read_predictions(predictions)
    pd.testing.assert_frame_equal(predictions[["clip", "split"]], read_table(SPLITS))


def test_train_lgbm_learns_nothing_from_test_clips(project):
    train_lgbm.main()
    before = (HYBRID / "trees.txt").read_bytes()
    cache = load_tensors(EMBEDDINGS)
    cache["features"][(read_table(SPLITS)["split"] == "test").tolist()] += 5
    save_tensors(cache, EMBEDDINGS)
    train_lgbm.main()
    assert (HYBRID / "trees.txt").read_bytes() == before


@pytest.mark.parametrize(
    ("stage", "change", "message"),
    [
        (split, {"split__protocol": "random"}, r"split\.protocol is 'random'; allowed: stratified or"),
        (split, {"split__val_fraction": "a sixth"}, "split.val_fraction: expected float, found 'a sixth'"),
        (precompute_mel, {"audio__duration_s": 0}, r"audio\.duration_s is 0; allowed: 0\.1 to 60"),
        (precompute_mel, {"mel__n_mels": 80.0}, "mel.n_mels: expected int, found 80.0"),
        (precompute_mfcc, {"mfcc__n_mfcc": 17}, "n_mfcc is 17; allowed: 1 to n_mels"),
        (train_cnn, {"train__seed": -1}, r"train\.seed is -1"),
        (train_cnn, {"train_cnn__network__kernel": 2}, r"train_cnn.network\.kernel is "),
        (train_lstm, {"train_lstm__batch_size": 1}, r"train_lstm\.batch_size is 1; allowed: 2 to 65536"),
        (train_extractor, {"train_extractor__network__kernels": [3]}, "kernels is .*; allowed: one for each of"),
        (train_lgbm, {"train_lgbm__leaves": 1}, r"train_lgbm\.leaves is 1; allowed: 2 to 131072"),
    ],
)
def test_a_wrong_param_ends_the_stage_with_its_name(project, stage, change, message):
    change_params(**change)
    before = files(project)
    with pytest.raises(SystemExit, match=f"^{name_of(stage)}: (.|\n)*{message}"):
        stage.main()
    assert files(project) == before


@pytest.mark.parametrize(("stage", "cache"), TRAININGS)
def test_training_without_the_split_of_a_clip_ends_with_the_clip(project, stage, cache):
    splits = read_table(SPLITS)
    write_table(splits[1:], SPLITS)
    before = files(project)
    with pytest.raises(SystemExit, match=f"^{name_of(stage)}: clips and splits differ in 1 .*{splits['clip'][0]}"):
        stage.main()
    assert files(project) == before


@pytest.mark.parametrize(("stage", "cache"), TRAININGS)
def test_training_without_validation_clips_ends_with_the_split(project, stage, cache):
    splits = read_table(SPLITS)
    write_table(splits.replace({"split": {"val": "test"}}), SPLITS)
    before = files(project)
    with pytest.raises(SystemExit, match=f"^{name_of(stage)}: no clip is in the split 'val'"):
        stage.main()
    assert files(project) == before


@pytest.mark.parametrize(("stage", "cache"), TRAININGS)
def test_training_without_the_features_of_a_clip_ends_with_the_clip(project, stage, cache):
    content = load_tensors(cache)
    save_tensors({"clips": content["clips"][1:], "features": content["features"][1:]}, cache)
    before = files(project)
    with pytest.raises(SystemExit, match=f"^{name_of(stage)}: {cache}: lacks 1 clips, first .*{content['clips'][0]}"):
        stage.main()
    assert files(project) == before


@pytest.mark.parametrize(
    ("stage", "damaged"),
    [
        *[(training.values[0], training.values[1]) for training in TRAININGS],
        (precompute_mfcc, MEL),
        (extract_features, MEL),
        (extract_features, WEIGHTS),
        (train_lgbm, WEIGHTS),
    ],
    ids=lambda value: name_of(value) if hasattr(value, "__name__") else value.stem,
)
def test_a_damaged_input_ends_the_stage_with_the_file(project, stage, damaged):
    damaged.write_bytes(damaged.read_bytes()[:1_000])
    before = files(project)
    with pytest.raises(SystemExit, match=f"^{name_of(stage)}: {damaged}: not a readable tensor file"):
        stage.main()
    assert files(project) == before


@pytest.mark.parametrize(("stage", "column"), [(split, "sex"), (precompute_mel, "path"), (train_cnn, "emotion")])
def test_a_table_that_lacks_a_column_ends_the_stage_with_the_column(project, stage, column):
    write_table(read_table(CLIPS).drop(columns=column), CLIPS)
    before = files(project)
    with pytest.raises(SystemExit, match=rf"^{name_of(stage)}: data/clips\.csv: lacks the columns \['{column}'\]"):
        stage.main()
    assert files(project) == before


@pytest.mark.parametrize("protocol", ["stratified", "speaker_independent"])
@pytest.mark.usefixtures("project")
def test_a_table_without_an_emotion_ends_the_split_with_its_name(protocol):
    change_params(split__protocol=protocol, split__val_fraction=0.3, split__test_fraction=0.3)
    names = [parse_name(name) for name in all_names(8)]
    clips = pd.DataFrame([vars(name) | {"sex": name.sex, "duplicate_of": None} for name in names])
    write_table(clips[clips["emotion"] != "calm"], CLIPS)
    before = SPLITS.read_bytes()
    with pytest.raises(
        SystemExit, match=r"^split: data/clips\.csv: no training clips of calm; every model learns all 8"
    ):
        split.main()
    assert SPLITS.read_bytes() == before


@pytest.mark.usefixtures("project")
def test_extracting_with_another_network_ends_with_what_it_is():
    config = AudioCNNConfig(channels=(4, 6), kernel=3, dropout=0.3, hidden=16)
    CNN(AudioCNN(config, INPUT_SHAPE, 8, "global"), config, "global", INPUT_SHAPE, **UNTRAINED).save(EXTRACTOR)
    message = r"^extract_features: models/extractor/model\.json: holds the model 'cnn', expected 'extractor'"
    with pytest.raises(SystemExit, match=message):
        extract_features.main()
