"""A study in SQLite: trials that are paired by fold, pruned after any of them, shared by workers and taken up again."""

import contextlib
import dataclasses
import functools
import json
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from filelock import FileLock, Timeout
from optuna.trial import FrozenTrial, Trial, TrialState

from ser.storage.params import check
from studies.tuning.space import Space, decode, encode

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
PATIENCE_S = 60  # of a worker, while others write


@dataclasses.dataclass(frozen=True)
class SearchSettings:
    folds: tuple[int, ...]
    seed: int
    threads: int
    sampler_seed: int
    startup_trials: int
    kept_percent: float

    def __post_init__(self) -> None:
        check(len(set(self.folds)) == len(self.folds) > 0, "folds", self.folds, "one or more, each once")
        check(self.threads >= 1, "threads", self.threads, "1 or more")
        check(self.sampler_seed >= 0, "sampler_seed", self.sampler_seed, "0 or more")
        check(self.startup_trials >= 1, "startup_trials", self.startup_trials, "1 or more")
        check(0 < self.kept_percent <= 100, "kept_percent", self.kept_percent, "above 0 to 100")


@dataclasses.dataclass(frozen=True)
class Search:
    """A study's file, what is drawn, and what a trial does.

    present: the values that the params have, of the keys of the space; score: fold, values → UAR, ValueError where such
    values cannot be trained with; origin: what trials must have in common, as it stands; before: what comes before all
    trials.
    """

    path: Path
    settings: SearchSettings
    space: Space
    present: dict[str, Any]
    score: Callable[[int, dict[str, Any]], float]
    origin: Callable[[], dict[str, Any]]
    before: Callable[[], None]

    def study(self, trial: int = 0) -> optuna.Study:
        """Open the study, or make it; what the trial of this index draws depends on its index and the study alone."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        settings = self.settings
        seed = int(np.random.SeedSequence([settings.sampler_seed, trial]).generate_state(1)[0])
        return optuna.create_study(
            storage=_storage(self.path),
            sampler=optuna.samplers.TPESampler(n_startup_trials=settings.startup_trials, seed=seed),
            pruner=optuna.pruners.PercentilePruner(settings.kept_percent, n_startup_trials=settings.startup_trials),
            study_name=self.path.stem,
            direction="maximize",
            load_if_exists=True,
        )


def run(search: Search, trials: int, workers: int = 1) -> optuna.Study:
    """Go on until the study has so many finished trials, the first of them with the present values; return it."""
    with _alone(search.path):
        study = search.study()
        if not study.trials:
            study.set_user_attr("origin", _plain(search.origin()))
            study.enqueue_trial(encode(search.present, search.space), user_attrs={"baseline": True})
        check_origin(study, search)
        search.before()
        put_back(study)
        todo = range(len(study.get_trials(states=FINISHED)), trials)
        if workers == 1:
            for index in todo:
                run_trial(search, index)
        else:
            os.environ["TQDM_DISABLE"] = "1"  # bars of several workers overwrite one another
            spawn = multiprocessing.get_context("spawn")  # torch's threads do not outlive a fork
            with ProcessPoolExecutor(workers, spawn) as pool:
                list(pool.map(functools.partial(run_trial, search), todo))
    return study


def check_origin(study: optuna.Study, search: Search) -> None:
    """Raise ValueError naming all by which trials from now on would differ from those that the study has."""
    before, now = study.user_attrs["origin"], _plain(search.origin())
    differing = [
        f"{key}: {before.get(key, 'not there')} then, {now.get(key, 'not there')} now"
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key)
    ]
    if differing:
        raise ValueError(
            f"{search.path}: its trials cannot be compared with new ones. Put back what follows, or move the file away "
            "to start anew\n  " + "\n  ".join(differing)
        )


def put_back(study: optuna.Study) -> None:
    """Queue interrupted trials again, with their values and finished folds.

    No other process runs trials of the study, so every trial in the state running was interrupted.
    """
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        study.add_trial(
            optuna.create_trial(
                state=TrialState.WAITING,
                params=trial.params,
                distributions=trial.distributions,
                user_attrs=trial.user_attrs,
                system_attrs=trial.system_attrs,
            )
        )
        study.tell(trial.number, state=TrialState.FAIL)


def run_trial(search: Search, index: int) -> None:
    """Run the next trial fold by fold and say how it ended; whatever interrupts it leaves it to be put back."""
    study = search.study(index)
    check_origin(study, search)
    trial = study.ask(search.space)
    values = decode(trial.params, search.space)
    state = _run_folds(search, trial, values)
    scores = [trial.user_attrs[name] for name in fold_names(search) if name in trial.user_attrs]
    mean = sum(scores) / max(len(scores), 1)
    ended = study.tell(trial, mean if state == TrialState.COMPLETE else None, state)
    print(readable(ended, values, mean, len(scores)), flush=True)


def fold_names(search: Search) -> list[str]:
    """Name the folds as trials keep their scores."""
    return [f"fold_{number}" for number in search.settings.folds]


def readable(trial: FrozenTrial, values: dict[str, Any], mean: float, folds: int) -> str:
    """Say in a line how a trial ended."""
    refused = trial.user_attrs.get("refused")
    how = f"refused: {refused}" if refused else f"UAR {mean:.4f} over {folds} folds, {trial.state.name.lower()}"
    return f"trial {trial.number}: {how}, {trial.duration.total_seconds():.0f} s, {values}"


def _run_folds(search: Search, trial: Trial, values: dict[str, Any]) -> TrialState:
    """Score the folds that are not scored yet; stop where the pruner says so, or where values prove impossible."""
    total, baseline, names = 0.0, "baseline" in trial.user_attrs, fold_names(search)
    for step, (number, name) in enumerate(zip(search.settings.folds, names, strict=True), start=1):
        if name not in trial.user_attrs:
            try:
                trial.set_user_attr(name, search.score(number, values))
            except ValueError as error:
                if baseline:  # what the params have is possible, so something else is wrong
                    raise
                trial.set_user_attr("refused", str(error))
                return TrialState.PRUNED
        # The sum, not the mean: the pruner takes a trial's best report so far, which a hard fold must not outlive
        total += trial.user_attrs[name]
        trial.report(total, step)
        if step < len(names) and not baseline and trial.should_prune():
            return TrialState.PRUNED
    return TrialState.COMPLETE


@functools.cache  # opening compares the file's tables with those of this Optuna: a quarter of a second
def _storage(path: Path) -> optuna.storages.RDBStorage:
    return optuna.storages.RDBStorage(f"sqlite:///{path}", {"connect_args": {"timeout": PATIENCE_S}})


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(path.with_suffix(".lock"), blocking=False):
            yield
    except Timeout:
        raise ValueError(f"{path}: another search runs on it. Wait for it, or give it more workers.") from None


def _plain(origin: dict[str, Any]) -> dict[str, Any]:
    """Return what comes back from JSON."""
    return json.loads(json.dumps(origin))
