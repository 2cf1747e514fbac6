"""Bundled models: waveform in, probabilities out, the same in torch, ONNX, the browser's runtime and transformers."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from scipy.special import log_softmax
from torch.nn.utils.rnn import pad_sequence

from ser.bundles.build_compact import build_compact
from ser.bundles.build_encoder import build_encoder
from ser.bundles.build_fused import build_fused
from ser.bundles.building import Bundled
from ser.bundles.bundle import CLASSES, revision_of, write_bundle
from ser.bundles.onnx_file import OPSET
from ser.bundles.spectrum import MelBands
from ser.corpora.emotions import EMOTIONS
from ser.data.embeddings import EmbeddedClips
from ser.encoders.extraction import Copy, pool
from ser.encoders.loading import load_encoder
from ser.features.mel_power import MelPower
from ser.features.own_length_mel import LogMelSettings, OwnLengthMel
from ser.models.attentive import Attentive
from ser.models.compact import Compact
from ser.models.encoder import save_encoder_model
from ser.models.loading import load_model
from ser.models.logistic import LogisticHead, LogisticSettings
from ser.networks.compact import CompactConfig, CompactNet
from tests.tiny_encoders import save_encoder, speechlike

CPU, RATE_HZ = torch.device("cpu"), 16_000
FRONT_END = OwnLengthMel(RATE_HZ, LogMelSettings(20, 512, 400, 80.0, 35.0))
CONFIG = CompactConfig((4, 4), 8, 3, (1, 2), 0.1, 8, 2, 0.1)
COPIES = (Copy(35.0, (1, 1)), Copy(35.0, (16, 15)), Copy(35.0, (15, 16)))
WEIGHTS, FLOOR = [0.3, 0.9], float(np.log(5e-5))
FACTS = {"temperature": 1.7, "min_confidence": {"value": 0.5}, "figures": {"uar": 0.5}}
TOLERANCE = 1e-4  # of a log-probability
ODD_CLIPS = {
    "no samples": torch.zeros(0),
    "one sample": torch.ones(1),
    "less than a window": speechlike(0.01, 1),
    "silence": torch.zeros(8000),
    "less than a window of sound": torch.cat([torch.zeros(5000), torch.ones(1), torch.zeros(5000)]),
}


def trained_compact(lstm_hidden: int = 8) -> Compact:
    """CompactNet whose batch norms and statistics are as far from their beginning as after a training."""
    torch.manual_seed(1)
    config = CompactConfig(**{**vars(CONFIG), "lstm_hidden": lstm_hidden})
    network = CompactNet(config, 20, len(EMOTIONS)).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            for values in (module.running_var, module.weight.data):
                values.uniform_(0.5, 2)
            for values in (module.running_mean, module.bias.data):
                values.uniform_(-1, 1)
    network.standardize.fit(FRONT_END([speechlike(1, seed) for seed in range(4)]))
    front_end = {"logmel": vars(FRONT_END.logmel), "sample_rate_hz": RATE_HZ}
    return Compact(network, config, 20, front_end, "float32", CPU)


@pytest.fixture(scope="module")
def compact(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("compact") / "model"
    trained_compact().save(folder)
    return folder


@pytest.fixture(scope="module")
def encoder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("encoder")
    weights = save_encoder("whisper", folder / "whisper")
    encode, labels = load_encoder(weights), np.arange(24) % 8
    with torch.inference_mode():
        embeddings = [
            [pool(encode(copy(speechlike(0.3 + 0.02 * clip, clip % 8)))) for clip in range(24)] for copy in COPIES
        ]
    clips = EmbeddedClips(np.stack([torch.stack(copy).numpy() for copy in embeddings]), labels, np.full(24, "train"))
    head = LogisticHead.train(*clips.stacked(), LogisticSettings(0.1, 200))
    save_encoder_model(head, weights, COPIES, folder / "model")
    return folder / "model"


@pytest.fixture(scope="module")
def models(compact, encoder) -> dict[str, Bundled]:
    members = build_compact(Compact.load(compact), 1.0), build_encoder(encoder, 1, 1.0)
    return {
        "compact": build_compact(Compact.load(compact), FACTS["temperature"]),
        "encoder": build_encoder(encoder, 1, FACTS["temperature"]),
        "fused": build_fused(*members, WEIGHTS, FLOOR),
    }


@pytest.fixture(scope="module")
def bundles(models, tmp_path_factory) -> Path:
    """A folder with the bundle of each model."""
    folder = tmp_path_factory.mktemp("bundles")
    for name, model in models.items():
        write_bundle(folder / name, name, model, FACTS, "Revision {}\n".format)
    return folder


@pytest.fixture(scope="module")
def waveforms() -> list[torch.Tensor]:
    """Clips of several lengths: with silence at one end, at both, at none."""
    silences = ((0, 0), (3000, 0), (0, 5000), (2000, 9000), (100, 50))
    return [torch.nn.functional.pad(speechlike(0.4 + 0.13 * seed, seed), ends) for seed, ends in enumerate(silences)]


@pytest.fixture(scope="module")
def expected(compact, encoder, waveforms) -> dict[str, np.ndarray]:
    """What the pipeline's own models say of the clips, calibrated."""
    rates = [RATE_HZ] * len(waveforms)
    logs = [np.log(load_model(folder).predict(waveforms, rates)) for folder in (compact, encoder)]
    fused = np.tensordot(WEIGHTS, [part.clip(FLOOR) for part in logs], axes=1)
    singles = (part / FACTS["temperature"] for part in logs)
    return {name: log_softmax(part, axis=1) for name, part in zip(CLASSES, (*singles, fused), strict=True)}


def padded(waveforms: list[torch.Tensor], filled: float = 0.0) -> dict[str, np.ndarray]:
    return {
        "waveform": pad_sequence(waveforms, batch_first=True, padding_value=filled).numpy(),
        "lengths": np.array([len(waveform) for waveform in waveforms]),
    }


def session_of(bundles: Path, name: str) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(bundles / name / "model.onnx", providers=["CPUExecutionProvider"])


@pytest.mark.parametrize(("n_fft", "hop"), [(1024, 400), (400, 160), (512, 512), (96, 10), (14, 5), (22, 30)])
def test_the_fourier_transform_in_two_steps_is_that_of_torch(n_fft, hop):
    waveform = torch.randn(2, 4000, generator=torch.Generator().manual_seed(0))
    reference, bands = MelPower(RATE_HZ, 2, n_fft, hop, "constant"), MelBands(n_fft, hop, 2)
    bands.fill(reference.window, reference.filters)
    power = bands(torch.nn.functional.pad(waveform, (n_fft // 2, n_fft // 2)))
    torch.testing.assert_close(power, reference(waveform), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", CLASSES)
def test_a_batch_in_torch_gives_what_the_pipeline_does(models, waveforms, expected, name):
    inputs = {key: torch.from_numpy(values) for key, values in padded(waveforms).items()}
    with torch.inference_mode():
        logs, _ = models[name].network(**inputs)
    np.testing.assert_allclose(logs, expected[name], atol=TOLERANCE)


def test_compactnet_without_an_lstm_can_be_bundled_as_well(waveforms):
    model = trained_compact(lstm_hidden=0)
    with torch.inference_mode():
        inputs = {key: torch.from_numpy(values) for key, values in padded(waveforms).items()}
        logs, _ = build_compact(model, 1.0).network(**inputs)
        frames = FRONT_END(waveforms)
        lengths = torch.tensor([len(clip) for clip in frames])
        logits = model.network(pad_sequence(frames, batch_first=True), lengths)
    torch.testing.assert_close(logs, logits.log_softmax(dim=1), rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("name", CLASSES)
def test_onnx_gives_what_the_pipeline_does_in_a_batch_and_one_by_one(bundles, waveforms, expected, name):
    session = session_of(bundles, name)
    together, embedding = session.run(None, padded(waveforms))
    np.testing.assert_allclose(together, expected[name], atol=TOLERANCE)
    alone = [session.run(None, padded([waveform])) for waveform in waveforms]
    np.testing.assert_allclose(np.concatenate([logs for logs, _ in alone]), together, atol=TOLERANCE)
    np.testing.assert_allclose(np.concatenate([part for _, part in alone]), embedding, atol=1e-4)


@pytest.mark.parametrize("name", CLASSES)
def test_what_stands_after_a_clips_end_does_not_matter(bundles, waveforms, expected, name):
    logs, _ = session_of(bundles, name).run(None, padded(waveforms, filled=0.7))
    np.testing.assert_allclose(logs, expected[name], atol=TOLERANCE)


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("clip", ODD_CLIPS.values(), ids=ODD_CLIPS)
def test_odd_clips_give_probabilities_alone_and_beside_others(bundles, waveforms, expected, name, clip):
    session = session_of(bundles, name)
    alone, embedding = session.run(None, padded([clip]))
    assert np.isfinite(alone).all() and np.isfinite(embedding).all()
    assert np.exp(alone).sum() == pytest.approx(1, abs=1e-5)
    together, _ = session.run(None, padded([clip, waveforms[0]]))
    np.testing.assert_allclose(together, np.stack([alone[0], expected[name][0]]), atol=TOLERANCE)


@pytest.mark.parametrize("clip", ["one sample", "less than a window", "silence"])
def test_odd_clips_are_to_compactnet_what_they_are_to_the_pipeline(bundles, compact, clip):
    logs, _ = session_of(bundles, "compact").run(None, padded([ODD_CLIPS[clip]]))
    probabilities = load_model(compact).predict([ODD_CLIPS[clip]], [RATE_HZ])
    np.testing.assert_allclose(logs, log_softmax(np.log(probabilities) / FACTS["temperature"], axis=1), atol=TOLERANCE)


def test_the_embeddings_are_those_that_the_documentation_names(bundles, compact, encoder, waveforms):
    frames = FRONT_END(waveforms)
    with torch.inference_mode():
        of_compact = Compact.load(compact).network.embed(
            pad_sequence(frames, batch_first=True), torch.tensor([len(clip) for clip in frames])
        )
        encode = load_encoder(encoder / "encoder")
        of_encoder = torch.stack([pool(encode(COPIES[0](waveform)))[1, 0] for waveform in waveforms])
    for name, embedding in (("compact", of_compact), ("encoder", of_encoder), ("fused", of_encoder)):
        _, found = session_of(bundles, name).run(None, padded(waveforms))
        np.testing.assert_allclose(found, embedding, atol=1e-4)


@pytest.mark.parametrize("name", CLASSES)
def test_the_file_says_what_it_takes_and_what_it_is(bundles, name):
    session, config = session_of(bundles, name), json.loads((bundles / name / "config.json").read_text())
    width = {"compact": 4 * 8 + 1, "encoder": 32, "fused": 32}[name]
    assert [(part.name, part.type, part.shape) for part in (*session.get_inputs(), *session.get_outputs())] == [
        ("waveform", "tensor(float)", ["batch", "samples"]),
        ("lengths", "tensor(int64)", ["batch"]),
        ("log_probabilities", "tensor(float)", ["batch", 8]),
        ("embedding", "tensor(float)", ["batch", width]),
    ]
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata.pop("labels")) == list(EMOTIONS)
    assert metadata == {
        "licence": "CC BY-NC-SA 4.0",
        "model": name,
        "revision": config["revision"],
        "sampling_rate": "16000",
        "temperature": "1.7",
    }
    opsets = onnx.load(bundles / name / "model.onnx", load_external_data=False).opset_import
    assert [(opset.domain, opset.version) for opset in opsets] == [("", OPSET)]


@pytest.mark.parametrize("name", CLASSES)
def test_the_folder_has_what_transformers_looks_for(bundles, name):
    config = json.loads((bundles / name / "config.json").read_text())
    assert config["model_type"] == f"ser-{name}" and config["sampling_rate"] == RATE_HZ
    assert config["id2label"] == {str(index): emotion for index, emotion in enumerate(EMOTIONS)}
    assert config["label2id"] == {emotion: index for index, emotion in enumerate(EMOTIONS)}
    assert {key: config[key] for key in FACTS} == FACTS
    assert (bundles / name / "README.md").read_text() == f"Revision {config['revision']}\n"


def test_a_bundle_is_the_same_bytes_when_it_is_written_again(bundles, models, tmp_path):
    write_bundle(tmp_path / "compact", "compact", models["compact"], FACTS, "Revision {}\n".format)
    for path in sorted((tmp_path / "compact").iterdir()):
        assert path.read_bytes() == (bundles / "compact" / path.name).read_bytes(), path.name


def test_another_number_is_another_revision(models):
    state, settings = models["encoder"].network.state_dict(), models["encoder"].settings
    other = {name: values.clone() for name, values in state.items()}
    other["head.bias"][0] += 1e-3
    revision = revision_of(state, settings)
    assert revision == revision_of(dict(reversed(state.items())), dict(reversed(settings.items())))
    assert revision != revision_of(other, settings)
    assert revision != revision_of(state, settings | {"temperature": 1.8})


@pytest.mark.parametrize("name", CLASSES)
def test_the_code_in_a_bundle_needs_only_torch_transformers_and_itself(bundles, name):
    for path in (bundles / name).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level == 1:
                assert (bundles / name / f"{node.module}.py").is_file(), path.name
            elif isinstance(node, ast.Import | ast.ImportFrom):
                names = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
                assert {name.partition(".")[0] for name in names} <= {"math", "torch", "transformers", "typing"}


IN_TRANSFORMERS = """
import sys
import numpy as np
import torch
from transformers import AutoModelForAudioClassification, pipeline

assert "ser" not in sys.modules
clips = np.load("clips.npz")
for folder in sys.argv[1:]:
    model = AutoModelForAudioClassification.from_pretrained(folder, trust_remote_code=True)
    with torch.inference_mode():
        mask = torch.arange(clips["waveform"].shape[1]) < torch.from_numpy(clips["lengths"])[:, None]
        logits = model(torch.from_numpy(clips["waveform"]), attention_mask=mask.long()).logits
    heard = [waveform[:length] for waveform, length in zip(clips["waveform"], clips["lengths"])]
    classify = pipeline("audio-classification", model=folder, trust_remote_code=True, top_k=8)
    answers = classify([{"raw": waveform, "sampling_rate": 16000} for waveform in heard])
    scores = [{part["label"]: part["score"] for part in answer} for answer in answers]
    labels = [model.config.id2label[index] for index in range(8)]
    np.savez(f"{folder}.npz", logits=logits, scores=[[score[label] for label in labels] for score in scores])
"""


def test_transformers_loads_the_folders_by_themselves_and_gives_the_same_probabilities(
    bundles, waveforms, expected, tmp_path
):
    for name in CLASSES:
        shutil.copytree(bundles / name, tmp_path / name)
    np.savez(tmp_path / "clips.npz", **padded(waveforms))
    environment = os.environ | {"HF_HOME": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1", "PYTHONPATH": ""}
    command = [sys.executable, "-c", IN_TRANSFORMERS, *CLASSES]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    for name in CLASSES:
        found = np.load(tmp_path / f"{name}.npz")
        np.testing.assert_allclose(found["logits"], expected[name], atol=TOLERANCE)
        np.testing.assert_allclose(found["scores"], np.exp(expected[name]), atol=TOLERANCE)


IN_NODE = """
const ort = require('onnxruntime-web');
const {waveform, lengths} = JSON.parse(require('fs').readFileSync('clips.json'));
(async () => {
  for (const folder of process.argv.slice(2)) {
    const session = await ort.InferenceSession.create(`${folder}/model.onnx`);
    const found = await session.run({
      waveform: new ort.Tensor('float32', Float32Array.from(waveform.flat()), [waveform.length, waveform[0].length]),
      lengths: new ort.Tensor('int64', BigInt64Array.from(lengths.map(BigInt)), [lengths.length]),
    });
    console.log(JSON.stringify(Array.from(found.log_probabilities.data)));
  }
})();
"""
PACKAGE = "onnxruntime-web@1.30.0"


@pytest.fixture
def node(tmp_path) -> Path:
    """A folder in which Node finds onnxruntime's web binding, or a reason to skip."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not installed")
    command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=0"]
    done = subprocess.run([*command, PACKAGE], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    if done.returncode:
        pytest.skip(f"npm could not install {PACKAGE}: {done.stderr[-300:]}")
    return tmp_path


def test_the_runtime_of_browsers_gives_the_same_probabilities(node, bundles, waveforms, expected):
    inputs = {key: values.tolist() for key, values in padded(waveforms).items()}
    (node / "clips.json").write_text(json.dumps(inputs))
    (node / "run.js").write_text(IN_NODE)
    command = ["node", "run.js", *(str(bundles / name) for name in CLASSES)]
    done = subprocess.run(command, cwd=node, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    for name, line in zip(CLASSES, done.stdout.splitlines(), strict=True):
        np.testing.assert_allclose(np.reshape(json.loads(line), (-1, 8)), expected[name], atol=TOLERANCE)


def test_an_encoder_with_another_head_is_refused(encoder, tmp_path, monkeypatch):
    class Other:
        head, copies = object.__new__(Attentive), COPIES

    monkeypatch.setattr("ser.models.encoder.EncoderModel.load", lambda folder: Other)
    with pytest.raises(ValueError, match="its head is a Attentive; expected logistic regression"):
        build_encoder(encoder, 1, 1.0)


def test_copies_that_the_bundled_encoder_cannot_make_are_refused(encoder, tmp_path):
    shutil.copytree(encoder, tmp_path / "model")
    description = json.loads((encoder / "model.json").read_text())
    description["copies"].reverse()
    (tmp_path / "model/model.json").write_text(json.dumps(description))
    with pytest.raises(ValueError, match="copies: expected the clip's own speed first and one trim_db"):
        build_encoder(tmp_path / "model", 1, 1.0)
