"""LightGBM on clip embeddings, deterministic."""

import dataclasses

import lightgbm
import numpy as np
from tqdm import tqdm

from ser.storage.params import check


@dataclasses.dataclass(frozen=True)
class BoostingSettings:
    seed: int
    threads: int
    estimators: int
    learning_rate: float
    leaves: int
    column_fraction: float
    row_fraction: float
    row_interval: int
    l1: float
    l2: float
    patience: int

    def __post_init__(self) -> None:
        for name in ("threads", "estimators", "row_interval", "patience"):
            check(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")
        check(self.leaves >= 2, "leaves", self.leaves, "2 or more")
        check(0 < self.learning_rate <= 1, "learning_rate", self.learning_rate, "above 0 to 1")
        for name in ("column_fraction", "row_fraction"):
            check(0 < getattr(self, name) <= 1, name, getattr(self, name), "above 0 to 1")
        for name in ("l1", "l2"):
            check(getattr(self, name) >= 0, name, getattr(self, name), "0 or more")


def train_boosting(
    train: tuple[np.ndarray, np.ndarray],
    val: tuple[np.ndarray, np.ndarray],
    weights: np.ndarray,
    settings: BoostingSettings,
) -> lightgbm.LGBMClassifier:
    """Fit with early stopping on the validation loss; `train` and `val` are (features (clip, dim), labels (clip,)).

    weights: (classes,), what one clip of each class counts. ValueError names classes without training clips.
    """
    missing = sorted(set(range(len(weights))) - set(train[1].tolist()))
    if missing:
        raise ValueError(f"LightGBM needs training clips of every class; there are none of {missing}")
    model = lightgbm.LGBMClassifier(
        objective="multiclass",
        n_estimators=settings.estimators,
        learning_rate=settings.learning_rate,
        num_leaves=settings.leaves,
        colsample_bytree=settings.column_fraction,
        subsample=settings.row_fraction,
        subsample_freq=settings.row_interval,
        reg_alpha=settings.l1,
        reg_lambda=settings.l2,
        random_state=settings.seed,
        n_jobs=settings.threads,
        deterministic=True,
        force_row_wise=True,
        verbosity=-1,
    )
    with tqdm(total=settings.estimators, unit="tree", mininterval=1.0) as progress:
        model.fit(
            *train,
            sample_weight=weights[train[1]],
            eval_X=val[0],
            eval_y=val[1],
            eval_sample_weight=[weights[val[1]]],
            callbacks=[
                lightgbm.early_stopping(settings.patience, verbose=False),
                lambda _: progress.update(),
            ],
        )
    return model
