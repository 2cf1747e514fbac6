"""What can be tuned, and what a trial of it is: settings → UAR on the validation speakers of a fold."""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from sklearn.metrics import recall_score
from torch import nn

from crossval.compact import LOGMEL, PARAMS
from encoders.copies import labels_of
from encoders.train_lgbm import PARAMS as ENCODER_PARAMS
from scripts.dotted import leaves
from stages import train_cnn, train_compact, train_extractor, train_lstm
from stages.ser.boosting import BoostingSettings
from stages.ser.networks.cnn import AudioCNN
from stages.ser.networks.cnn_lstm import CNNLSTM
from stages.ser.networks.lstm import AudioLSTM
from stages.ser.params import ParamsError, build, read_params
from tuning import trainings
from tuning.folds import Fold, digest_file
from tuning.search import Search, SearchSettings
from tuning.space import read_space
from tuning.trainings import COPIES, MEL, MFCC, Changes, changed_settings

TUNING_PARAMS = Path("tuning/params.yaml")
STUDIES = Path("tuning/studies")
OURS = ("seed", "threads")  # are set by tuning/params.yaml, whatever a section says


@dataclasses.dataclass(frozen=True)
class Model:
    """A section of a params file with what else decides a result, and what trains with changes of that section.

    settings: makes the section's settings with changes; logits: → (clip, emotions) of a fold's clips; prepare: what is
    done once for each fold, before all trials.
    """

    params: Path
    section: str
    others: tuple[str, ...]
    features: tuple[Path, ...]
    settings: Callable[[Changes], object]
    logits: Callable[[Fold, Changes], torch.Tensor]
    prepare: Callable[[Fold], None] | None = None


def plan(name: str) -> Search:
    """Return the search of a model that `tuning/params.yaml` describes; ParamsError lists all that is wrong with it."""
    if name not in MODELS:
        raise ValueError(f"no model {name!r}; expected one of {sorted(MODELS)}")
    model, (settings, spaces) = MODELS[name], read_params(TUNING_PARAMS, "search", "spaces")
    settings = build(SearchSettings, settings, "search", str(TUNING_PARAMS))
    values, specs = read_params(model.params, model.section), spaces.get(name) or {}
    try:
        space = read_space(specs, values, model.settings)
    except ParamsError as error:
        raise ParamsError(
            f"{TUNING_PARAMS}: spaces.{name} does not fit {model.section} of {model.params}\n  {error}"
        ) from None
    present = {key: leaves(values)[key] for key in space}
    scored, origin, ready = (
        functools.partial(score, model, settings),
        functools.partial(origin_of, model, settings, specs),
        functools.partial(prepare, model, settings),
    )
    return Search(STUDIES / f"{name}.db", settings, space, present, scored, origin, ready)


def prepare(model: Model, settings: SearchSettings) -> None:
    """Do what comes once for each fold, before all trials."""
    for number in settings.folds if model.prepare else ():
        model.prepare(Fold.read(number, settings.seed, settings.threads))


def score(model: Model, settings: SearchSettings, number: int, changes: Changes) -> float:
    """Return the UAR on the validation clips of a fold."""
    fold = Fold.read(number, settings.seed, settings.threads)
    val = (fold.clips["split"] == "val").to_numpy()
    actual, guess = labels_of(fold.clips)[val], model.logits(fold, changes).argmax(dim=1).cpu().numpy()[val]
    return float(recall_score(actual, guess, average="macro", labels=sorted(set(actual))))


def origin_of(model: Model, settings: SearchSettings, specs: dict[str, Any]) -> dict[str, Any]:
    """Return all that trials must have in common to be compared, as it stands now, by name."""
    names = (model.section, *model.others)
    sections = dict(zip(names, read_params(model.params, *names), strict=True))
    tuned = {f"{model.section}.{key}" for key in specs}
    origin = {
        key: value for key, value in leaves(sections).items() if key not in tuned and key.split(".")[-1] not in OURS
    }
    origin |= {f"spaces.{key}": spec for key, spec in specs.items()} | {"search.seed": settings.seed}
    folds = (Fold.read(number, settings.seed, settings.threads) for number in settings.folds)
    origin |= {f"clips of fold {fold.number}": fold.digest() for fold in folds}
    return origin | {str(path): digest_file(path) for path in model.features}


def _network(kind: type[nn.Module], settings: type, section: str, features: Path) -> Model:
    logits = functools.partial(trainings.network_logits, kind, settings, section, features)
    return Model(PARAMS, section, ("train",), (features,), _settings(settings, PARAMS, section), logits)


def _settings(kind: type, params: Path, section: str, **fixed: int) -> Callable[[Changes], object]:
    return functools.partial(changed_settings, kind, params, section, **fixed)


MODELS = {
    "compact": Model(
        PARAMS,
        "train_compact",
        ("train",),
        (LOGMEL,),
        _settings(train_compact.Settings, PARAMS, "train_compact"),
        trainings.compact_logits,
    ),
    "cnn": _network(AudioCNN, train_cnn.Settings, "train_cnn", MEL),
    "lstm": _network(AudioLSTM, train_lstm.Settings, "train_lstm", MFCC),
    "extractor": _network(CNNLSTM, train_extractor.Settings, "train_extractor", MEL),
    "lgbm": Model(
        PARAMS,
        "train_lgbm",
        ("train", "train_extractor"),
        (MEL,),
        _settings(BoostingSettings, PARAMS, "train_lgbm"),
        trainings.boosted_logits,
        trainings.embed_fold,
    ),
    "whisper_lgbm": Model(
        ENCODER_PARAMS,
        "train_lgbm",
        ("speeds",),
        COPIES,
        _settings(BoostingSettings, ENCODER_PARAMS, "train_lgbm", seed=0, threads=1),
        trainings.encoder_logits,
    ),
}
