"""What can be tuned, and what a trial of it is: settings → UAR on the validation speakers of a fold."""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ser.corpora.emotions import EMOTIONS
from ser.data.tables import labels_of
from ser.evaluation.recall import count_clips, uar
from ser.models import cnn, compact, extractor, lstm
from ser.models.fixed_length import FixedLengthModel
from ser.storage.dotted import leaves
from ser.storage.params import ParamsError, build, read_params
from ser.training.boosting import BoostingSettings
from studies.tuning import trainings
from studies.tuning.folds import Fold, digest_file
from studies.tuning.search import Search, SearchSettings
from studies.tuning.space import read_space
from studies.tuning.trainings import ENCODER_PARAMS, LOGMEL, MEL, MFCC, PARAMS, Changes, changed_settings

TUNING_PARAMS = Path("studies/tuning/params.yaml")
STUDIES = Path("studies/tuning/studies")
OURS = ("seed", "threads")  # are set by studies/tuning/params.yaml, whatever a section says


@dataclasses.dataclass(frozen=True)
class Model:
    """A section of a params file with what else decides a result, and what trains with changes of that section.

    settings: makes the section's settings with changes; features: the files it
    reads; logits: → (clip, emotions) of a fold's clips; before: what is done once for each fold, before all trials.
    """

    params: Path
    section: str
    others: tuple[str, ...]
    features: Callable[[], list[Path]]
    settings: Callable[[Changes], object]
    logits: Callable[[Fold, Changes], torch.Tensor]
    before: Callable[[Fold], None] | None = None


def plan(name: str) -> Search:
    """Return a model's search as TUNING_PARAMS describes it; ParamsError lists all that is wrong with it."""
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
        functools.partial(before_trials, model, settings),
    )
    return Search(STUDIES / f"{name}.db", settings, space, present, scored, origin, ready)


def before_trials(model: Model, settings: SearchSettings) -> None:
    """Do what comes once for each fold, before all trials."""
    for number in settings.folds if model.before else ():
        model.before(Fold.read(number, settings.seed, settings.threads))


def score(model: Model, settings: SearchSettings, number: int, changes: Changes) -> float:
    """Return the UAR on the validation clips of a fold."""
    fold = Fold.read(number, settings.seed, settings.threads)
    val = (fold.clips["split"] == "val").to_numpy()
    labels, guess = labels_of(fold.clips).numpy()[val], model.logits(fold, changes).argmax(dim=1).cpu().numpy()[val]
    return float(uar(count_clips(labels, guess, len(EMOTIONS))))


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
    return origin | {str(path): digest_file(path) for path in model.features()}


def _network(kind: type[FixedLengthModel], section: str, features: Path) -> Model:
    logits = functools.partial(trainings.network_logits, kind, section, features)
    settings = _settings(kind.settings_kind, PARAMS, section)
    return Model(PARAMS, section, ("train",), lambda: [features], settings, logits)


def _settings(kind: type, params: Path, section: str, **fixed: int) -> Callable[[Changes], object]:
    return functools.partial(changed_settings, kind, params, section, **fixed)


MODELS = {
    "compact": Model(
        PARAMS,
        "train_compact",
        ("train",),
        lambda: [LOGMEL],
        _settings(compact.Settings, PARAMS, "train_compact"),
        trainings.compact_logits,
    ),
    "cnn": _network(cnn.CNN, "train_cnn", MEL),
    "lstm": _network(lstm.LSTM, "train_lstm", MFCC),
    "extractor": _network(extractor.Extractor, "train_extractor", MEL),
    "lgbm": Model(
        PARAMS,
        "train_lgbm",
        ("train", "train_extractor"),
        lambda: [MEL],
        _settings(BoostingSettings, PARAMS, "train_lgbm"),
        trainings.boosted_logits,
        trainings.embed_fold,
    ),
    "whisper_lgbm": Model(
        ENCODER_PARAMS,
        "train_lgbm",
        ("speeds",),
        functools.partial(trainings.embedded_copies, "whisper"),
        _settings(BoostingSettings, ENCODER_PARAMS, "train_lgbm", seed=0, threads=1),
        functools.partial(trainings.encoder_logits, "whisper"),
    ),
}
