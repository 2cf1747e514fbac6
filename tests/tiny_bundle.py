"""A bundle whose model hears only how loud a clip is, and recordings of a synthetic voice."""

import functools
import json
from pathlib import Path, PurePosixPath

import numpy as np
import onnx
from onnx import TensorProto, helper

from ser.corpora.emotions import EMOTIONS
from ser.corpora.ravdess import parse_name
from ser.corpora.synthesis import SAMPLE_RATE_HZ, synthesise_clip

RATE_HZ = 16_000
SLOPES = np.linspace(-20, 20, len(EMOTIONS), dtype=np.float32)  # of the logits by the mean absolute sample
OFFSETS = np.linspace(1, -1, len(EMOTIONS), dtype=np.float32)
CONFIG = {
    "min_confidence": {"value": 0.3, "coverage": 0.8, "accuracy": 0.7},
    "revision": "0123456789ab",
    "sampling_rate": RATE_HZ,
    "licence": "CC BY-NC-SA 4.0",
    "figures": {"uar": 0.5, "uar_low": 0.4, "uar_high": 0.6, "protocol": "luna"},
}


def write_bundle(folder: Path, **config: object) -> Path:
    """Write a bundle with the inputs, outputs and files of a released one; entries of `config` replace CONFIG's."""
    folder.mkdir(parents=True)
    constants = {"one": np.array([1], np.int64), "slopes": SLOPES[None], "offsets": OFFSETS}
    nodes = [
        helper.make_node("Abs", ["waveform"], ["absolute"]),
        helper.make_node("ReduceSum", ["absolute", "one"], ["total"], keepdims=1),
        helper.make_node("Cast", ["lengths"], ["samples"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["samples", "one"], ["column"]),
        helper.make_node("Div", ["total", "column"], ["embedding"]),
        helper.make_node("MatMul", ["embedding", "slopes"], ["scaled"]),
        helper.make_node("Add", ["scaled", "offsets"], ["logits"]),
        helper.make_node("LogSoftmax", ["logits"], ["log_probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [
            helper.make_tensor_value_info("waveform", TensorProto.FLOAT, ["batch", "samples"]),
            helper.make_tensor_value_info("lengths", TensorProto.INT64, ["batch"]),
        ],
        [
            helper.make_tensor_value_info("log_probabilities", TensorProto.FLOAT, ["batch", len(EMOTIONS)]),
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", 1]),
        ],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, {"labels": json.dumps(EMOTIONS)})
    onnx.save(model, folder / "model.onnx")
    (folder / "config.json").write_text(json.dumps(CONFIG | config), encoding="utf-8")
    (folder / "README.md").write_text("# A tiny model\n", encoding="utf-8")
    return folder


def expected_log_probabilities(waveform: np.ndarray) -> np.ndarray:
    """What the model answers to (time,)."""
    logits = np.abs(waveform).mean() * SLOPES + OFFSETS
    return logits - np.log(np.exp(logits).sum())


@functools.cache
def speech(code: str = "03-01-01-01-01-01-01") -> np.ndarray:
    """A clip of the synthetic voice, about 3 s at 48 kHz with pauses at its ends: (time,) float64."""
    actor = int(code[-2:])
    return synthesise_clip(parse_name(PurePosixPath(f"Actor_{actor:02}/{code}.wav")), 0)


def conversation(clips: int, pause_s: float = 1.0) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """Clips with pauses between, (time,) at 48 kHz, and from when to when each clip lasts in seconds."""
    parts, spans, at = [], [], 0
    for index in range(clips):
        clip = speech(f"03-01-0{index % 8 + 1}-01-01-01-0{index % 2 + 1}")
        silence = np.zeros(round(pause_s * SAMPLE_RATE_HZ))
        spans.append((at / SAMPLE_RATE_HZ, (at + len(clip)) / SAMPLE_RATE_HZ))
        parts += [clip, silence]
        at += len(clip) + len(silence)
    return np.concatenate(parts), spans
