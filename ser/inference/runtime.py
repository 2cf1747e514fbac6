"""ONNX files → sessions."""

import os
from pathlib import Path

# From 1.29 on, onnxruntime keeps an identifier of the device in the user's cache and reports its use to its maker,
# unless this is set before it is imported
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime

Session = onnxruntime.InferenceSession


def open_session(path: Path, thorough: bool = True) -> Session:
    """Open an ONNX file for one core; ValueError names one that cannot be read.

    More cores hear more files (`--jobs`), not one file sooner: the models are small. thorough: take longer to open it,
    for a model that then runs faster.
    """
    options = onnxruntime.SessionOptions()
    if not thorough:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return Session(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises classes of its own, and they have no common base
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ValueError(f"{path}: no model that can be opened ({reason}). Copy the bundle again.") from error
