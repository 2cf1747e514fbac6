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
from transformers import AutoConfig, AutoFeatureExtractor, AutoModel, PretrainedConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES
from transformers.utils import logging

from ser.encoders.pipelines import load_pipeline, pipeline_states
from ser.encoders.transformer import transformer_inputs, transformer_states
from ser.encoders.whisper import whisper_log_mel, whisper_states

LEAST_SAMPLES = 400  # 25 ms, from which wav2vec 2.0's convolutions make one frame
# All that transformers can classify sound with: Whisper, wav2vec 2.0, HuBERT, WavLM, wav2vec2-BERT, data2vec, AST, …
FAMILIES = tuple(sorted(MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES))

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
    """Return which of FAMILIES an encoder's files are of, or torchaudio; ValueError names any other."""
    kind = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    if kind not in (*FAMILIES, "torchaudio"):
        raise ValueError(f"{folder}/config.json: model_type is {kind!r}; known are {[*FAMILIES]} and torchaudio")
    return kind


def load_extractor(folder: Path) -> Callable:
    """Return what turns a waveform into what the model of transformers reads."""
    with _quiet_transformers():
        return AutoFeatureExtractor.from_pretrained(folder, local_files_only=True)


def load_encoder_model(folder: Path, kind: str) -> nn.Module:
    """Return a family's model, Whisper's without decoder layers; ValueError names weights that it lacks."""
    with _quiet_transformers():
        return _read_model(folder, kind, _read_config(folder))


def build_model(folder: Path) -> nn.Module:
    """Return the model of a folder with random weights, Whisper's without decoder layers."""
    return AutoModel.from_config(_read_config(folder))


def _encode(states: Encode, waveform: torch.Tensor) -> torch.Tensor:
    if len(waveform) < LEAST_SAMPLES:
        raise ValueError(f"a waveform has {len(waveform)} samples; encoders need {LEAST_SAMPLES} (25 ms) or more")
    return states(waveform)


def _read_config(folder: Path) -> PretrainedConfig:
    """Return an encoder's config without what training would draw at random: our heads have their own of it."""
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    for name, value in config.to_dict().items():
        if isinstance(value, int | float) and ("dropout" in name or name.endswith("layerdrop")):
            setattr(config, name, 0.0)
    config.apply_spec_augment = False
    if config.model_type == "whisper":
        config.decoder_layers = 0  # never called
    return config


def _read_model(folder: Path, kind: str, config: PretrainedConfig) -> nn.Module:
    model, info = AutoModel.from_pretrained(
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
    return transformer_states(model, transformer_inputs(extractor, waveform))


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
