"""torchaudio's pretrained pipelines, by name: `torchaudio:WAV2VEC2_BASE`, `torchaudio:HUBERT_BASE`, …"""

import json
from pathlib import Path, PurePosixPath

import torch
import torchaudio.pipelines
from torch import nn
from torchaudio.pipelines import Wav2Vec2Bundle

PREFIX = "torchaudio:"
URL = "https://download.pytorch.org/torchaudio/models/"


def find_pipeline(name: str) -> Wav2Vec2Bundle:
    """Return a pipeline; ValueError lists the known ones."""
    known = sorted(key for key, value in vars(torchaudio.pipelines).items() if isinstance(value, Wav2Vec2Bundle))
    if name not in known:
        raise ValueError(
            f"sources.<encoder>.name in studies/encoders/params.yaml is '{PREFIX}{name}'; torchaudio's pipelines are "
            f"{known}"
        )
    return getattr(torchaudio.pipelines, name)


def weights_name(name: str) -> str:
    """Return the name of a pipeline's file of weights."""
    return PurePosixPath(find_pipeline(name)._path).name


def weights_url(name: str) -> str:
    """Return the address from which torchaudio downloads it."""
    path = find_pipeline(name)._path
    return path if path.startswith("https") else URL + path


def load_pipeline(folder: Path) -> nn.Module:
    """Build the pipeline that the folder's config.json names; a file with more than tensors is refused."""
    name = json.loads((folder / "config.json").read_text(encoding="utf-8"))["pipeline"]
    # torch.hub downloads nothing where the file lies in model_dir
    return find_pipeline(name).get_model(dl_kwargs={"model_dir": str(folder), "weights_only": True, "progress": False})


def pipeline_states(model: nn.Module, waveform: torch.Tensor) -> torch.Tensor:
    """Return the hidden states (layers, frames, width); layer 0 is what the first transformer layer reads."""
    if hasattr(model, "normalize_waveform"):  # torchaudio's wrapper of the large models
        waveform = nn.functional.layer_norm(waveform, waveform.shape) if model.normalize_waveform else waveform
        model = model.model
    features, _ = model.feature_extractor(waveform[None], None)
    projected = model.encoder.feature_projection(features)
    layers = model.encoder.transformer.get_intermediate_outputs(projected)
    return torch.cat([model.encoder.transformer._preprocess(projected), *layers])
