"""The project `release`: calibration on out-of-fold predictions, cards, and what its stages and bundles declare."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
import yaml
from dvc.repo import Repo
from huggingface_hub import ModelCard
from scipy.special import softmax

from release import calibrate, check_onnx, export, fuse, train_encoder
from release.card import write_card
from release.settings import MODELS, NAMES, runs_of
from scripts.children import dvc, environment
from scripts.demo import ROOT
from ser.adaptation.adapter import Adapter
from ser.bundles.bundle import code_of
from ser.corpora.emotions import EMOTIONS
from ser.data.own_length import OwnLengthClips
from ser.models.compact import Compact, Settings
from ser.models.encoder import EncoderModel
from ser.storage.params import ParamsError, build, read_params
from ser.storage.tensors import save_tensors
from ser.training.runtime import RunSettings
from studies.run import Run
from tests.conftest import TINY
from tests.pipeline import NO_GIT, stages_of
from tests.test_crossval import finish, project, table  # noqa: F401  (fixtures)
from tests.tiny_encoders import save_encoder

STAGES = stages_of(ROOT / "release")
# CompactNet's file is an output of its own, the others lie in folders that are
CHECKS = {"compact": "check_onnx_compact", "encoder": "check_onnx@encoder", "fused": "check_onnx@fused"}
BUNDLES = [name for name in NAMES if (ROOT / MODELS / name / "model.onnx").is_file()]
NEEDED = ("data/raw", "data/clips.csv", "release/trained/compact", "release/trained/encoder")
VOICES = """
draws: {seed: 1, counts: [0, 4], dominated: [], repeats: 1, validation_repeats: 1}
run_strengths: {mean: [4], deviation: [32]}
"""


@pytest.fixture
def released(project) -> Path:  # noqa: F811
    """A project with the runs of CompactNet, two seeds, and of the encoder, one."""
    for name in ("params.yaml", "studies/crossval/params.yaml", "studies/encoders/params.yaml", "release/params.yaml"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, name)
    Path("studies/outside/voices").mkdir(parents=True)
    Path("studies/outside/voices/params.yaml").write_text(VOICES, encoding="utf-8")
    shutil.copyfile(ROOT / "release/card.md", "release/card.md")
    for fold in range(1, 6):
        for seed in (1, 2):
            finish(Run("luna", fold, seed), "compact", 0.6)
        finish(Run("luna", fold, 1), "whisper", 0.7, Path("studies/encoders/runs"))
    return project


def calibrated(model: str) -> dict:
    if model == "fused":
        fuse.main()
    return calibrate.calibrate(model)


@pytest.mark.parametrize("model", NAMES)
def test_calibration_scores_the_runs_and_chooses_a_confidence(released, model):
    found = calibrated(model)
    least = {"compact": 0.6, "encoder": 0.68, "fused": 0.68}[model]
    assert found["scores"]["clips"] == 1440 and found["scores"]["units"] == (1 if model == "encoder" else 2)
    assert found["scores"]["uar"]["mean"] > least
    assert found["recall"].keys() == set(EMOTIONS)
    chosen = found["min_confidence"]
    assert chosen["coverage"] == pytest.approx(0.8, abs=0.02)
    assert 1 / 8 < chosen["value"] < 1
    # No more, for a run is not surer here where it is right
    assert chosen["accuracy"] > found["scores"]["accuracy"]["mean"] - 0.02
    adapter = Adapter.read(found["adaptation"])
    assert adapter.counts.tolist() == [0, 4] and adapter.weights.shape == (2, 2) and adapter.weights[0, 1] == 0
    if model == "fused":
        assert found["temperature"] == 1 and found["weights"]["encoder"] > found["weights"]["compact"] > 0
    else:
        assert found["temperature"] > 1.5  # these runs are too sure


def test_the_temperature_makes_confidence_what_is_right(released):
    logs, heard, _ = calibrate.fit_alone(calibrate.read_runs(runs_of("compact")))
    labels = calibrate.labels_of(heard)
    assert np.exp(logs.max(axis=1)).mean() == pytest.approx((logs.argmax(axis=1) == labels).mean(), abs=0.03)


@pytest.mark.parametrize("coverage", [0.5, 0.9, 1.0])
def test_the_chosen_share_of_the_clips_reaches_the_confidence(coverage):
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(2000, 8)) * 2
    labels = np.array([generator.choice(8, p=row) for row in softmax(logits, axis=1)])
    logs = np.log(softmax(logits, axis=1))
    chosen = calibrate.choose_confidence(logs, labels, coverage)
    confidence = np.exp(logs.max(axis=1))
    assert chosen["coverage"] == pytest.approx((confidence >= chosen["value"]).mean())
    assert chosen["coverage"] == pytest.approx(coverage, abs=0.002)
    # Labels drawn by these probabilities: clips are right as often as their confidence says
    assert chosen["accuracy"] == pytest.approx(confidence[confidence >= chosen["value"]].mean(), abs=0.03)


@pytest.mark.parametrize(
    ("section", "values", "message"),
    [
        ("calibrate", {"protocol": "stratified", "coverage": 0.8}, "protocol is 'stratified'; allowed: luna or"),
        ("calibrate", {"protocol": "luna", "coverage": 0}, "coverage is 0"),
        ("encoder", {"name": "whisper", "embedding_layer": -1}, "embedding_layer is -1; allowed: 0 or more"),
    ],
)
def test_impossible_settings_are_refused(released, section, values, message):
    params = yaml.safe_load(Path("release/params.yaml").read_text())
    Path("release/params.yaml").write_text(yaml.safe_dump(params | {section: values}))
    with pytest.raises(ParamsError, match=message):
        runs_of("compact")


@pytest.mark.parametrize("model", NAMES)
def test_the_card_has_the_figures_and_a_header_that_the_hub_reads(released, model):
    metrics = json.loads(json.dumps(calibrated(model)))
    text = write_card(model, metrics, "abc123")
    card = ModelCard(text)
    assert card.data.license == "cc-by-nc-sa-4.0" and card.data.pipeline_tag == "audio-classification"
    assert card.data.eval_results[0].metric_value == metrics["scores"]["uar"]["mean"]
    assert (card.data.base_model is None) == (model == "compact")
    for measure in (metrics["scores"]["uar"], metrics["scores"]["male"]["uar"], metrics["recall"]["sad"]):
        assert f"{measure['mean']:.3f} [{measure['low']:.3f}, {measure['high']:.3f}]" in text
    assert f"**{metrics['min_confidence']['value']:.2f}**" in text and "`abc123`" in text
    assert "Article 5(1)(f)" in text and "Deciding about people" in text
    assert "$" not in text and "{" not in text and "nan" not in text


# Training


def test_compactnet_trains_on_all_clips_without_any_held_back():
    params = read_params(ROOT / "params.yaml", "train_compact")
    for key, value in TINY.items():
        section, _, rest = key.partition(".")
        if section == "train_compact":
            parts = rest.split(".")
            (params[parts[0]] if len(parts) > 1 else params)[parts[-1]] = value
    settings, run = build(Settings, params, "train_compact"), RunSettings(1, 1)
    generator = torch.Generator().manual_seed(0)
    clips = [torch.randn(10 + clip % 3, 12, generator=generator) for clip in range(16)]
    dataset = OwnLengthClips(clips, torch.arange(16) % 8, {})
    alone, watched = (
        Compact.train(dataset, val, settings, run, torch.device("cpu")) for val in (None, dataset[torch.arange(4)])
    )
    assert list(alone.history) == ["epoch", "train_loss"] and "val_loss" in watched.history
    for name, values in alone.network.state_dict().items():
        assert torch.equal(values, watched.network.state_dict()[name]), name


def test_the_encoder_trains_on_every_copy_of_all_clips(released):
    weights = save_encoder("whisper", Path("studies/encoders/weights/whisper"))
    names = calibrate.read_clips(calibrate.CLIPS, "clip")["clip"].tolist()
    folder = Path("studies/encoders/embeddings/whisper")
    folder.mkdir(parents=True)
    for seed, copy in enumerate(read_params(train_encoder.ENCODER_PARAMS, "speeds")):
        generator = torch.Generator().manual_seed(seed)
        embeddings = torch.randn(len(names), 3, 2, 32, generator=generator)
        save_tensors({"clips": names, "embeddings": embeddings}, folder / f"{copy}.pt")
    train_encoder.main()
    model = EncoderModel.load(train_encoder.TRAINED / "encoder")
    assert [copy.ratio for copy in model.copies] == [(1, 1), (16, 15), (15, 16)]
    steps = model.head.steps.named_steps
    assert steps["logisticregression"].coef_.shape == (8, 192)
    assert abs(steps["standardscaler"].mean_).max() < 0.1
    assert sorted(path.name for path in weights.iterdir() if path.suffix == ".safetensors") == ["model.safetensors"]


# The project


def test_every_stage_says_what_it_does():
    assert [name for name, stage in STAGES.items() if not stage.desc] == []


def test_each_model_has_its_stages_and_an_artifact():
    for name in NAMES:
        assert {f"calibrate@{name}", f"export_{name}", CHECKS[name]} <= STAGES.keys()
    with Repo(str(ROOT / "release"), config=NO_GIT) as repo:
        artifacts = {name: part.path for parts in repo.artifacts.read().values() for name, part in parts.items()}
    outs = {out.def_path for stage in STAGES.values() for out in stage.outs}
    assert artifacts.keys() == {f"ser-{name}" for name in NAMES}
    assert set(artifacts.values()) <= outs


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs a git checkout")
def test_dvc_gets_the_model_in_git_by_its_name_and_tag(tmp_path):
    clone = tmp_path / "clone"
    git = ("git", "-c", "user.name=test", "-c", "user.email=test@example.com")
    for command in (
        (*git, "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone)),
        (*git, "-C", str(clone), "tag", "--annotate", "--message", "1", "release=ser-compact@v1.0.0"),
    ):
        subprocess.run(command, env=environment(), check=True)
    dvc(tmp_path, "artifacts", "get", str(clone), "release:ser-compact", "--out", str(tmp_path / "model.onnx"))
    assert (tmp_path / "model.onnx").read_bytes() == (clone / "release/models/compact/model.onnx").read_bytes()


def test_git_has_what_predicts_without_torch_and_no_more_than_three_megabytes():
    outs = {out.def_path: out.use_cache for out in STAGES["export_compact"].outs}
    code = {f"models/compact/{name}.py" for name in code_of("modeling_compact")}
    assert {path for path, cached in outs.items() if cached} == code | {"models/compact/model.safetensors"}
    kept = [ROOT / "release" / path for path, cached in outs.items() if not cached]
    assert sum(path.stat().st_size for path in kept if path.is_file()) <= 3e6


@pytest.mark.parametrize("model", BUNDLES)
def test_bundle_card_and_metrics_agree(model, monkeypatch):
    monkeypatch.chdir(ROOT)
    metrics = json.loads(Path(f"release/metrics/{model}.json").read_text())
    config = json.loads((MODELS / model / "config.json").read_text())
    session = onnxruntime.InferenceSession(MODELS / model / "model.onnx", providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    assert config["temperature"] == float(metadata["temperature"]) == metrics["temperature"]
    assert config["revision"] == metadata["revision"]
    assert config["min_confidence"] == metrics["min_confidence"]
    assert config["figures"] == export.figures(metrics)
    assert (MODELS / model / "README.md").read_text() == write_card(model, metrics, config["revision"])


@pytest.mark.parametrize("model", BUNDLES)
@pytest.mark.skipif(
    not all((ROOT / path).exists() for path in NEEDED), reason="needs the clips and the trained models: `make results`"
)
def test_some_clips_of_the_corpus_get_the_probabilities_that_pytorch_gives_them(model, monkeypatch):
    """The stage `check_onnx` does the same with all of them."""
    monkeypatch.chdir(ROOT)
    paths = [check_onnx.RAW / path for path in check_onnx.read_table(check_onnx.CLIPS, ("path",))["path"]][::120]
    found = check_onnx.compare(paths, check_onnx.in_torch(model), check_onnx.in_onnx(MODELS / model / "model.onnx"))
    assert found["clips"] == found["same_emotion"] == 12
    assert max(found["probabilities"], found["batched_probabilities"]) <= check_onnx.LIMIT


def test_a_file_that_differs_from_pytorch_is_named(released, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["check_onnx", "compact"])
    monkeypatch.setattr(check_onnx, "read_table", lambda path, columns: {"path": ["a.wav", "b.wav"]})
    monkeypatch.setattr(check_onnx, "load_mono", lambda path, rate_hz: torch.zeros(8))
    monkeypatch.setattr(check_onnx, "in_torch", lambda model: lambda waveforms: np.full((len(waveforms), 8), 0.125))
    monkeypatch.setattr(check_onnx, "in_onnx", lambda path: lambda waveforms: np.full((len(waveforms), 8), 0.126))
    with pytest.raises(SystemExit, match=r"release/models/compact/model\.onnx: differs from PyTorch.*at most 0\.0001"):
        check_onnx.main()
