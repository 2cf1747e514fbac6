"""Each model on one fold with changes of its settings: → logits (clip, emotions) of the fold's clips."""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch

from ser.data.embeddings import EmbeddedClips
from ser.data.fixed_length import RAVDESS_AudioDataset
from ser.data.own_length import OwnLengthClips
from ser.models import compact, extractor
from ser.models.boosted import BoostedHead
from ser.models.fixed_length import FixedLengthModel
from ser.models.hybrid import Hybrid
from ser.storage.dotted import override
from ser.storage.params import build, read_params, read_value
from ser.storage.tensors import save_tensors
from ser.training.boosting import BoostingSettings
from ser.training.runtime import RunSettings, set_up_torch
from studies.tuning.folds import Fold, digest_file

PARAMS = Path("params.yaml")
CROSSVAL_PARAMS = Path("studies/crossval/params.yaml")
ENCODER_PARAMS = Path("studies/encoders/params.yaml")
MEL, MFCC, LOGMEL = (Path(f"data/features/{name}.pt") for name in ("mel", "mfcc", "logmel"))
EMBEDDINGS = Path("studies/encoders/embeddings")
EMBEDDED = Path("studies/tuning/studies/embeddings")

Changes = dict[str, Any]


def changed_settings(kind: type, params: Path, section: str, changes: Changes, **fixed: int) -> Any:
    """Make the settings of a section with other values by their dotted names; ParamsError where they are impossible."""
    values = override({section: read_params(params, section)}, {f"{section}.{key}": changes[key] for key in changes})
    return build(kind, values[section] | fixed, section, str(params))


def compact_logits(fold: Fold, changes: Changes) -> torch.Tensor:
    settings = changed_settings(compact.Settings, PARAMS, "train_compact", changes)
    run = RunSettings(fold.seed, read_value(CROSSVAL_PARAMS, "threads.compact", int))
    device = set_up_torch(run.threads)
    dataset = OwnLengthClips.from_cache(LOGMEL, fold.clips)
    train, val = (dataset[torch.tensor((fold.clips["split"] == part).to_numpy())] for part in ("train", "val"))
    return compact.Compact.train(train, val, settings, run, device).logits(dataset)


def network_logits(
    kind: type[FixedLengthModel], section: str, features: Path, fold: Fold, changes: Changes
) -> torch.Tensor:
    settings, run = changed_settings(kind.settings_kind, PARAMS, section, changes), RunSettings(fold.seed, fold.threads)
    device = set_up_torch(run.threads)
    dataset = RAVDESS_AudioDataset.from_cache(features, fold.clips)
    return kind.train(dataset, settings, run, device).logits(dataset.features)


def boosted_logits(fold: Fold, changes: Changes) -> torch.Tensor:
    dataset = RAVDESS_AudioDataset.from_cache(_embedded(fold), fold.clips)
    settings = changed_settings(BoostingSettings, PARAMS, "train_lgbm", changes, seed=fold.seed, threads=fold.threads)
    return Hybrid.train(dataset, settings).logits(dataset.features)


def encoder_logits(encoder: str, fold: Fold, changes: Changes) -> torch.Tensor:
    fixed = {"seed": fold.seed, "threads": fold.threads}
    settings = changed_settings(BoostingSettings, ENCODER_PARAMS, "train_lgbm", changes, **fixed)
    clips = EmbeddedClips.read(embedded_copies(encoder), fold.clips)
    head = BoostedHead.train(*(clips.part(part).stacked() for part in ("train", "val")), settings)
    return clips.predict(head.logits)


def embedded_copies(encoder: str) -> list[Path]:
    """Return the files of an encoder's embeddings, one a copy."""
    return [EMBEDDINGS / encoder / f"{copy}.pt" for copy in read_params(ENCODER_PARAMS, "speeds")]


def embed_fold(fold: Fold) -> None:
    """Train CNN-LSTM on a fold and keep the embeddings of its clips, unless they are kept already."""
    path = _embedded(fold)
    if path.exists():
        return
    threads = read_value(PARAMS, "train.threads", int)  # nothing runs beside it
    print(f"fold {fold.number}: training CNN-LSTM, whose embeddings stay in {path}", flush=True)
    settings = changed_settings(extractor.Settings, PARAMS, "train_extractor", {})
    device = set_up_torch(threads)
    dataset = RAVDESS_AudioDataset.from_cache(MEL, fold.clips)
    model = extractor.Extractor.train(dataset, settings, RunSettings(fold.seed, threads), device)
    save_tensors({"clips": list(fold.clips["clip"]), "features": model.embed(dataset.features)}, path)


def _embedded(fold: Fold) -> Path:
    """The path of a fold's embeddings; the name changes with the settings and data that they come from."""
    origin = [read_params(PARAMS, "train", "train_extractor"), fold.digest(), fold.seed, digest_file(MEL)]
    return EMBEDDED / f"{fold.number}-{hashlib.md5(json.dumps(origin).encode()).hexdigest()}.pt"
