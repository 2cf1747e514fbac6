"""Whisper's encoder with logistic regression → its bundled form."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torchaudio.transforms import Resample

from ser.bundles.building import Bundled
from ser.bundles.encoder import PortableEncoder
from ser.bundles.whisper import N_FFT, WhisperStates
from ser.corpora.emotions import EMOTIONS
from ser.encoders.extraction import Copy
from ser.encoders.loading import load_encoder_model, load_extractor
from ser.models.encoder import WEIGHTS, EncoderModel
from ser.models.logistic import LogisticHead


@torch.no_grad()
def build_encoder(folder: Path, embedding_layer: int, temperature: float) -> Bundled:
    """Return the model of a folder that `save_encoder_model` wrote, calibrated by a temperature.

    ValueError when it is no Whisper with logistic regression.
    """
    model = EncoderModel.load(folder)
    if not isinstance(model.head, LogisticHead):
        raise ValueError(f"{folder}: its head is a {type(model.head).__name__}; expected logistic regression")
    settings = {
        **_copy_settings(model.copies),
        "whisper": _whisper_settings(folder / WEIGHTS),
        "embedding_layer": embedding_layer,
        "emotions": len(EMOTIONS),
        "temperature": temperature,
    }
    built = PortableEncoder(**settings).eval()
    for speed, copy in zip(built.speeds, model.copies[1:], strict=True):
        speed.filters.copy_(_filters(copy).T)
    _fill_whisper(built.encoder, folder / WEIGHTS)
    scaler, regression = model.head.steps.named_steps.values()
    built.mean.copy_(torch.from_numpy(scaler.mean_))
    built.head.weight.copy_(torch.from_numpy(regression.coef_ / scaler.scale_))
    built.head.bias.copy_(torch.from_numpy(regression.intercept_))
    return Bundled(built, settings)


def _copy_settings(copies: Sequence[Copy]) -> dict[str, Any]:
    own, *others = copies
    if own.ratio[0] != own.ratio[1] or len({copy.trim_db for copy in copies}) > 1:
        raise ValueError(f"copies: expected the clip's own speed first and one trim_db, found {copies}")
    return {
        "trim_db": own.trim_db,
        "ratios": [list(copy.ratio) for copy in others],
        "taps": [_filters(copy).shape[1] for copy in others],
    }


def _filters(copy: Copy) -> torch.Tensor:
    """Return torchaudio's filters (samples made, taps)."""
    return Resample(copy.ratio[1], copy.ratio[0]).kernel[:, 0]


def _whisper_settings(folder: Path) -> dict[str, int]:
    config = load_encoder_model(folder, "whisper").config
    return {
        "bands": config.num_mel_bins,
        "width": config.d_model,
        "layers": config.encoder_layers,
        "heads": config.encoder_attention_heads,
        "feed_forward": config.encoder_ffn_dim,
        "positions": config.max_source_positions,
    }


def _fill_whisper(built: WhisperStates, folder: Path) -> None:
    left = built.load_state_dict(load_encoder_model(folder, "whisper").encoder.state_dict(), strict=False)
    missing = [name for name in left.missing_keys if not name.startswith("mel.")]
    if missing or left.unexpected_keys:
        raise ValueError(f"{folder}: not the weights of Whisper's encoder, lacks {missing}, has {left.unexpected_keys}")
    built.mel.fill(torch.hann_window(N_FFT), torch.from_numpy(load_extractor(folder).mel_filters).float())
