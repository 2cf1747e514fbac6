"""Compare a bundle's ONNX file with PyTorch on all clips: release/models → release/metrics/equality/<model>.json."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.special import log_softmax

from release.settings import MEMBERS, METRICS, MODELS, TRAINED, model_from_arguments
from ser.encoders.waveforms import SAMPLE_RATE_HZ
from ser.evaluation.runs import SMALLEST
from ser.features.audio import load_mono
from ser.features.chunks import each_chunk
from ser.inference.runtime import open_session
from ser.models.loading import load_model
from ser.storage.errors import reporting
from ser.storage.files import read_table, write_json

CLIPS = Path("data/clips.csv")
RAW = Path("data/raw")
CHUNK = 16  # clips of a padded batch
LIMIT = 1e-4  # of a probability

Predict = Callable[[list[torch.Tensor]], np.ndarray]


def main() -> None:
    model = model_from_arguments(__doc__)
    with reporting("check_onnx"):
        paths = [RAW / path for path in read_table(CLIPS, ("path",))["path"]]
        found = compare(paths, in_torch(model), in_onnx(MODELS / model / "model.onnx"))
        write_json(found, METRICS / "equality" / f"{model}.json", digits=9)
        differences = {name: value for name, value in found.items() if name.endswith("probabilities")}
        if max(differences.values()) > LIMIT or found["same_emotion"] < len(paths):
            raise ValueError(f"{MODELS / model}/model.onnx: differs from PyTorch: {found}; at most {LIMIT} is allowed")


def in_torch(model: str) -> Predict:
    """Return what makes calibrated probabilities (clip, emotions) of waveforms by the pipeline's own models."""
    metrics = json.loads((METRICS / f"{model}.json").read_text(encoding="utf-8"))
    fused = model == "fused"
    loaded = [load_model(TRAINED / member) for member in (MEMBERS if fused else (model,))]
    weights = [metrics["weights"][member] for member in MEMBERS] if fused else [1 / metrics["temperature"]]
    least = SMALLEST if fused else 0.0

    def predict(waveforms: list[torch.Tensor]) -> np.ndarray:
        rates = [SAMPLE_RATE_HZ] * len(waveforms)
        logs = [np.log(member.predict(waveforms, rates).clip(least)) for member in loaded]
        return np.exp(log_softmax(np.tensordot(weights, logs, axes=1), axis=1))

    return predict


def in_onnx(path: Path) -> Predict:
    """Return what makes probabilities of waveforms, as one padded batch, by the ONNX file."""
    session = open_session(path)

    def predict(waveforms: list[torch.Tensor]) -> np.ndarray:
        inputs = {
            "waveform": torch.nn.utils.rnn.pad_sequence(waveforms, batch_first=True).numpy(),
            "lengths": np.array([len(waveform) for waveform in waveforms]),
        }
        return np.exp(session.run(["log_probabilities"], inputs)[0])

    return predict


def compare(paths: Sequence[Path], expected: Predict, found: Predict) -> dict[str, float]:
    """Return the largest differences of a probability, clip by clip and in padded batches, and the clips that agree."""

    def work(chunk: Sequence[Path]) -> list[np.ndarray]:
        waveforms = [load_mono(path, SAMPLE_RATE_HZ) for path in chunk]
        alone = [[predict([waveform]) for waveform in waveforms] for predict in (expected, found)]
        return [*(np.concatenate(part) for part in alone), found(waveforms)]

    torch_, onnx, batched = (np.concatenate(part) for part in zip(*each_chunk(work, paths, CHUNK), strict=True))
    return {
        "clips": len(paths),
        "probabilities": float(abs(onnx - torch_).max()),
        "batched_probabilities": float(abs(batched - torch_).max()),
        "same_emotion": int((onnx.argmax(axis=1) == torch_.argmax(axis=1)).sum()),
    }


if __name__ == "__main__":
    main()
