"""A bundled model as one ONNX file: its inputs, outputs and metadata."""

import warnings
from pathlib import Path

import onnx
import onnxruntime
import torch
from torch import nn

from ser.storage.files import replacing

OPSET = 17
INPUTS = {"waveform": {0: "batch", 1: "samples"}, "lengths": {0: "batch"}}
OUTPUTS = {"log_probabilities": {0: "batch"}, "embedding": {0: "batch"}}
EXAMPLE = (torch.linspace(-1, 1, 32_000).view(2, -1), torch.tensor([16_000, 12_000]))  # of any other size as well


def write_onnx(network: nn.Module, path: Path, metadata: dict[str, str]) -> None:
    """Write a model from (waveform, lengths) to (log_probabilities, embedding), its metadata in the file.

    By torch's exporter from traces: the other one, from torch.export, ties the batch to the size of its example, for
    the lengths that cut silence off are known only when the model runs.
    """
    with torch.no_grad():
        sizes = {name: values.shape[1] for name, values in zip(OUTPUTS, network(*EXAMPLE), strict=True)}
    with replacing(path) as temporary:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the exporter is old, and what it does not fold
            torch.onnx.export(
                network.eval(),
                EXAMPLE,
                str(temporary),
                dynamo=False,
                opset_version=OPSET,
                input_names=list(INPUTS),
                output_names=list(OUTPUTS),
                dynamic_axes=INPUTS | OUTPUTS,
            )
        model = _simplified(temporary)
        for output in model.graph.output:  # whose size the exporter may not see
            output.type.tensor_type.shape.dim[1].dim_value = sizes[output.name]
        onnx.helper.set_model_props(model, metadata)
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, temporary)


def _simplified(path: Path) -> onnx.ModelProto:
    """Return the model with constants folded and idle nodes removed: half the nodes, two thirds of the time to open it.

    By onnxruntime's basic optimisations, which know no processor and use the operators of the standard alone.
    """
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(path)
    options.log_severity_level = 3
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    model = onnx.load(path)
    standard = [opset for opset in model.opset_import if not opset.domain]
    del model.opset_import[:]
    model.opset_import.extend(standard)
    return model
