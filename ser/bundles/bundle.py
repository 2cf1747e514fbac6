"""Bundles: a folder with a bundled model as ONNX and for transformers, its settings and its card."""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from ser.bundles.building import Bundled
from ser.bundles.modeling_compact import SerCompactForAudioClassification
from ser.bundles.modeling_encoder import SerEncoderForAudioClassification
from ser.bundles.modeling_fused import SerFusedForAudioClassification
from ser.bundles.onnx_file import write_onnx
from ser.corpora.emotions import EMOTIONS
from ser.encoders.waveforms import SAMPLE_RATE_HZ
from ser.storage.files import replacing_folder

LICENCE = "CC BY-NC-SA 4.0"
PACKAGE = "ser.bundles."
CLASSES = {
    "compact": SerCompactForAudioClassification,
    "encoder": SerEncoderForAudioClassification,
    "fused": SerFusedForAudioClassification,
}
FEATURE_EXTRACTOR = {
    "do_normalize": False,
    "feature_extractor_type": "Wav2Vec2FeatureExtractor",
    "feature_size": 1,
    "padding_side": "right",
    "padding_value": 0.0,
    "return_attention_mask": True,
    "sampling_rate": SAMPLE_RATE_HZ,
}


def write_bundle(folder: Path, name: str, model: Bundled, facts: dict[str, Any], card: Callable[[str], str]) -> None:
    """Write the folder of a released model, whole or not at all.

    Args:
        name: a key of CLASSES.
        facts: temperature, min_confidence and figures, as they stand in config.json.
        card: makes the text of README.md from the revision.
    """
    state = {f"network.{key}": value.contiguous() for key, value in model.network.state_dict().items()}
    revision, kind = revision_of(state, model.settings), CLASSES[name]
    module = kind.__module__.removeprefix(PACKAGE)
    config = {
        "architectures": [kind.__name__],
        "auto_map": {
            "AutoConfig": f"{module}.{kind.config_class.__name__}",
            "AutoModelForAudioClassification": f"{module}.{kind.__name__}",
        },
        "dtype": "float32",
        "id2label": {str(index): emotion for index, emotion in enumerate(EMOTIONS)},
        "label2id": {emotion: index for index, emotion in enumerate(EMOTIONS)},
        "licence": LICENCE,
        "model_type": kind.config_class.model_type,
        "network": model.settings,
        "revision": revision,
        "sampling_rate": SAMPLE_RATE_HZ,
    } | facts
    with replacing_folder(folder) as temporary:
        metadata = {
            "labels": json.dumps(list(EMOTIONS)),
            "licence": LICENCE,
            "model": name,
            "revision": revision,
            "sampling_rate": str(SAMPLE_RATE_HZ),
            "temperature": str(facts["temperature"]),
        }
        write_onnx(model.network, temporary / "model.onnx", metadata)
        (temporary / "model.safetensors").write_bytes(save(state, metadata={"format": "pt"}))
        _write_json(config, temporary / "config.json")
        _write_json(FEATURE_EXTRACTOR, temporary / "preprocessor_config.json")
        for file, code in code_of(module).items():
            (temporary / f"{file}.py").write_text(code, encoding="utf-8")
        (temporary / "README.md").write_text(card(revision), encoding="utf-8")


def code_of(module: str) -> dict[str, str]:
    """Return the code of a module of this package and of those that it imports from it, as a folder by itself has it.

    A bundle travels alone: it holds the network's code, and needs no installation of this library.
    """
    code = Path(__file__).with_name(f"{module}.py").read_text(encoding="utf-8")
    imported = re.findall(rf"^from {re.escape(PACKAGE)}(\w+) import", code, flags=re.MULTILINE)
    found = {module: code.replace(f"from {PACKAGE}", "from .")}
    return found | {name: text for other in imported for name, text in code_of(other).items()}


def revision_of(state: dict[str, torch.Tensor], settings: dict[str, Any]) -> str:
    """Return the first 12 hexadecimal digits of the SHA-256 of a model's numbers: equal for equal models alone."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for name in sorted(state):
        digest.update(name.encode())
        digest.update(state[name].cpu().contiguous().numpy())
    return digest.hexdigest()[:12]


def _write_json(content: dict[str, Any], path: Path) -> None:
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
