"""Bundles: a folder with a portable model as ONNX and for transformers, its settings and its card."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from ser.corpora.emotions import EMOTIONS
from ser.encoders.waveforms import SAMPLE_RATE_HZ
from ser.portable.building import Portable
from ser.portable.onnx_file import write_onnx
from ser.storage.files import replacing_folder

LICENCE = "CC BY-NC-SA 4.0"
CODE = Path(__file__).parent
# The files that transformers needs, beside classification.py, of each kind of model
FILES = {
    "compact": ("compact", "sequences", "spectrum"),
    "encoder": ("encoder", "sequences", "spectrum", "whisper"),
    "fused": ("compact", "encoder", "fused", "sequences", "spectrum", "whisper"),
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


def write_bundle(folder: Path, name: str, model: Portable, facts: dict[str, Any], card: Callable[[str], str]) -> None:
    """Write the folder of a released model, whole or not at all.

    Args:
        name: a key of FILES.
        facts: temperature, min_confidence and figures, as they stand in config.json.
        card: makes the text of README.md from the revision.
    """
    state = {f"network.{key}": value.contiguous() for key, value in model.network.state_dict().items()}
    revision = revision_of(state)
    config = {
        "architectures": [f"Ser{name.title()}ForAudioClassification"],
        "auto_map": {
            "AutoConfig": f"modeling_{name}.Ser{name.title()}Config",
            "AutoModelForAudioClassification": f"modeling_{name}.Ser{name.title()}ForAudioClassification",
        },
        "dtype": "float32",
        "id2label": {str(index): emotion for index, emotion in enumerate(EMOTIONS)},
        "label2id": {emotion: index for index, emotion in enumerate(EMOTIONS)},
        "licence": LICENCE,
        "model_type": f"ser-{name}",
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
        for file in (f"modeling_{name}", "classification", *FILES[name]):
            shutil.copyfile(CODE / f"{file}.py", temporary / f"{file}.py")
        (temporary / "README.md").write_text(card(revision), encoding="utf-8")


def revision_of(state: dict[str, torch.Tensor]) -> str:
    """Return the first 12 hexadecimal digits of the SHA-256 of a model's numbers: equal for equal models alone."""
    digest = hashlib.sha256()
    for name in sorted(state):
        digest.update(name.encode())
        digest.update(state[name].cpu().contiguous().numpy())
    return digest.hexdigest()[:12]


def _write_json(content: dict[str, Any], path: Path) -> None:
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
