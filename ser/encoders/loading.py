"""Pretrained encoders behind one call: a waveform → the hidden states of every layer, at the clip's own length.

Clips are encoded one by one. Whisper has no masks, and group normalisation (wav2vec 2.0, HuBERT) reads padding in
spite of masks. So in a padded batch a clip's states would depend on the other clips.
"""

import contextlib
import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoFeatureExtractor,
    HubertModel,
    PretrainedConfig,
    Wav2Vec2Model,
    WavLMModel,
    WhisperModel,
)
from transformers.utils import logging

from ser.encoders.pipelines import load_pipeline, pipeline_states
from ser.encoders.waveforms import SAMPLE_RATE_HZ
from ser.encoders.whisper import whisper_log_mel, whisper_states

LEAST_SAMPLES = 400  # 25 ms, from which wav2vec 2.0's convolutions make one frame
FAMILIES = {"whisper": WhisperModel, "wavlm": WavLMModel, "wav2vec2": Wav2Vec2Model, "hubert": HubertModel}

Encode = Callable[[torch.Tensor], torch.Tensor]


def load_encoder(folder: Path) -> Encode:
    """Return what turns a waveform, (time,) float32 at 16 kHz, into hidden states, (layers, frames, width) float32.

    Layer 0 is what the first transformer layer reads, the last one is normalised where the family does so. ValueError
    names the folder when its family is unknown or it lacks weights.
    """
    kind = family_of(folder)
    if kind == "torchaudio":
        states = functools.partial(pipeline_states, load_pipeline(folder))
    else:
        model, extractor = load_encoder_model(folder, kind), load_extractor(folder)
        states = functools.partial(_whisper_states if kind == "whisper" else _transformer_states, model, extractor)
    return functools.partial(_encode, states)


def family_of(folder: Path) -> str:
    """Return the key in FAMILIES of an encoder's files, or torchaudio; ValueError names any other."""
    kind = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    if kind not in (*FAMILIES, "torchaudio"):
        raise ValueError(f"{folder}/config.json: model_type is {kind!r}; known are {sorted(FAMILIES)} and torchaudio")
    return kind


def load_extractor(folder: Path) -> Callable:
    """Return what turns a waveform into what the model of transformers reads."""
    with _quiet_transformers():
        return AutoFeatureExtractor.from_pretrained(folder, local_files_only=True)


def load_encoder_model(folder: Path, kind: str) -> nn.Module:
    """Return a family's model, Whisper's without decoder layers; ValueError names weights that it lacks."""
    with _quiet_transformers():
        return _read_model(folder, kind, AutoConfig.from_pretrained(folder, local_files_only=True))


def build_model(folder: Path) -> nn.Module:
    """Return Whisper's model with random weights, without decoder layers."""
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    config.decoder_layers = 0
    return WhisperModel(config)


def _encode(states: Encode, waveform: torch.Tensor) -> torch.Tensor:
    if len(waveform) < LEAST_SAMPLES:
        raise ValueError(f"a waveform has {len(waveform)} samples; encoders need {LEAST_SAMPLES} (25 ms) or more")
    return states(waveform)


def _read_model(folder: Path, kind: str, config: PretrainedConfig) -> nn.Module:
    if kind == "whisper":
        config.decoder_layers = 0  # never called
    model, info = FAMILIES[kind].from_pretrained(
        folder,
        config=config,
        dtype=torch.float32,
        use_safetensors=True,
        local_files_only=True,
        output_loading_info=True,
    )
    # Of the rest, Whisper's decoder is not called and the embedding of masked frames serves training alone
    missing = sorted(name for name in info["missing_keys"] if not name.startswith(("decoder.", "masked_spec_embed")))
    if missing:
        raise ValueError(f"{folder}: lacks {len(missing)} weights of a {kind} encoder, first {missing[:5]}")
    return model.eval()


def _whisper_states(model: nn.Module, extractor: Callable, waveform: torch.Tensor) -> torch.Tensor:
    return whisper_states(model.encoder, whisper_log_mel(extractor, waveform))[:, 0]


def _transformer_states(model: nn.Module, extractor: Callable, waveform: torch.Tensor) -> torch.Tensor:
    values = extractor(waveform.numpy(), sampling_rate=SAMPLE_RATE_HZ, return_tensors="pt")["input_values"]
    return torch.cat(model(values, output_hidden_states=True).hidden_states)


@contextlib.contextmanager
def _quiet_transformers() -> Iterator[None]:
    """Keep back progress bars, and the report that the decoder's weights are missing."""
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
