"""Each model on one fold with changes of its settings: → logits (clip, emotions) of the fold's clips."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from crossval.compact import PARAMS, train_compact
from crossval.extractor import embed
from encoders.boosted import fit_stopped
from encoders.copies import EMBEDDINGS, EmbeddedClips
from encoders.train_lgbm import PARAMS as ENCODER_PARAMS
from scripts.dotted import override
from stages import train_extractor
from stages.ser.boosting import BoostingSettings
from stages.ser.dataset import RAVDESS_AudioDataset
from stages.ser.emotions import EMOTIONS
from stages.ser.networks.cnn_lstm import CNNLSTM
from stages.ser.params import build, read_params
from stages.ser.runtime import RunSettings, prepare
from stages.ser.tensors import save_tensors
from stages.ser.training import fit, predict_logits
from tuning.folds import Fold, digest_file

MEL, MFCC = Path("data/features/mel.pt"), Path("data/features/mfcc.pt")
COPIES = tuple(EMBEDDINGS / f"{copy}.pt" for copy in ("original", "slower", "faster"))
EMBEDDED = Path("tuning/studies/embeddings")

Changes = dict[str, Any]


def changed_settings(kind: type, params: Path, section: str, changes: Changes, **fixed: int) -> Any:
    """Make the settings of a section with other values by their dotted names; ParamsError where they are impossible."""
    values = override({section: read_params(params, section)}, {f"{section}.{key}": changes[key] for key in changes})
    return build(kind, values[section] | fixed, section, str(params))


def compact_logits(fold: Fold, changes: Changes) -> torch.Tensor:
    return train_compact(fold.clips, fold.seed, changes)


def network_logits(
    kind: type[nn.Module], settings: type, section: str, features: Path, fold: Fold, changes: Changes
) -> torch.Tensor:
    network, dataset, precision, device = _train(kind, settings, section, features, fold, changes)
    return predict_logits(network, dataset.features, precision, device)


def boosted_logits(fold: Fold, changes: Changes) -> torch.Tensor:
    dataset = RAVDESS_AudioDataset.from_cache(_embedded(fold), fold.clips)
    settings = changed_settings(BoostingSettings, PARAMS, "train_lgbm", changes, seed=fold.seed, threads=fold.threads)
    parts = [dataset.part(split) for split in ("train", "val")]
    predict, _ = fit_stopped(*((part.features.numpy(), part.labels.numpy()) for part in parts), settings)
    return torch.from_numpy(predict(dataset.features.numpy()))


def encoder_logits(fold: Fold, changes: Changes) -> torch.Tensor:
    fixed = {"seed": fold.seed, "threads": fold.threads}
    settings = changed_settings(BoostingSettings, ENCODER_PARAMS, "train_lgbm", changes, **fixed)
    clips = EmbeddedClips.read(read_params(ENCODER_PARAMS, "speeds"), fold.clips)
    predict, _ = fit_stopped(*(clips.part(part).stacked() for part in ("train", "val")), settings)
    return clips.predict(predict)


def embed_fold(fold: Fold) -> None:
    """Train CNN-LSTM on a fold and keep the embeddings of its clips, unless they are kept already."""
    path = _embedded(fold)
    if path.exists():
        return
    fold = dataclasses.replace(fold, threads=read_params(PARAMS, "train")["threads"])  # nothing runs beside it
    print(f"fold {fold.number}: training CNN-LSTM, whose embeddings stay in {path}", flush=True)
    network, dataset, _, device = _train(CNNLSTM, train_extractor.Settings, "train_extractor", MEL, fold, {})
    save_tensors({"clips": list(fold.clips["clip"]), "features": embed(network, dataset.features, device)}, path)


def _embedded(fold: Fold) -> Path:
    """Where a fold's embeddings stand; the name changes with the settings and data that they come from."""
    origin = [read_params(PARAMS, "train", "train_extractor"), fold.digest(), fold.seed, digest_file(MEL)]
    return EMBEDDED / f"{fold.number}-{hashlib.md5(json.dumps(origin).encode()).hexdigest()}.pt"


def _train(
    kind: type[nn.Module], settings_kind: type, section: str, features: Path, fold: Fold, changes: Changes
) -> tuple[nn.Module, RAVDESS_AudioDataset, str, torch.device]:
    """Train one of the design's networks; return it with the fold's clips, its precision and its device."""
    fixed = {"seed": fold.seed, "threads": fold.threads}
    shared = changed_settings(RunSettings, PARAMS, "train", fixed)
    settings = changed_settings(settings_kind, PARAMS, section, changes)
    device = prepare(shared)
    dataset = RAVDESS_AudioDataset.from_cache(features, fold.clips)
    network = kind(settings.network, tuple(dataset.features.shape[1:]), len(EMOTIONS), settings.normalization)
    result = fit(network, dataset.part("train"), dataset.part("val"), len(EMOTIONS), settings, shared, device)
    return network, dataset, result.precision, device
