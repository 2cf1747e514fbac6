"""Logistic regression twice: on features as they are, and on features normalised speaker by speaker."""

import dataclasses

import numpy as np

from ser.adaptation.heads import LinearHead
from ser.adaptation.protocol import Asked
from ser.adaptation.speakers import Normaliser, Speakers
from ser.models.logistic import LogisticHead, LogisticSettings


@dataclasses.dataclass(frozen=True)
class AdaptableHead:
    """plain: of the features themselves; normalised: of those normalised by speaker; speakers: who trained them."""

    plain: LinearHead
    normalised: LinearHead
    speakers: Speakers

    @classmethod
    def train(
        cls, features: np.ndarray, labels: np.ndarray, speakers: np.ndarray, settings: LogisticSettings
    ) -> "AdaptableHead":
        """Fit on features (copies, clip, dim), labels and speakers (clip,)."""
        heads = (_fit(values, labels, settings) for values in (features, normalise_each(features, speakers)))
        return cls(*heads, Speakers.fit(features, speakers))

    def ask(self, features: np.ndarray, labels: np.ndarray, speakers: np.ndarray) -> Asked:
        """Return other speakers' clips, to be answered by this head."""
        copies, _, dim = features.shape
        same = Normaliser(np.zeros((copies, dim)), np.ones((copies, dim)))
        return Asked(
            features,
            labels,
            speakers,
            self.plain.logs(features, same),
            lambda rows, normaliser: self.normalised.logs(features[:, rows], normaliser),
        )


def normalise_each(features: np.ndarray, speakers: np.ndarray) -> np.ndarray:
    """Normalise (copies, clip, dim) by mean and standard deviation of each copy of each speaker (clip,)."""
    normalised = np.empty_like(features)
    for speaker in np.unique(speakers):
        own = features[:, speakers == speaker]
        deviation = own.std(axis=1, keepdims=True)
        normalised[:, speakers == speaker] = (own - own.mean(axis=1, keepdims=True)) / np.where(deviation, deviation, 1)
    return normalised


def _fit(features: np.ndarray, labels: np.ndarray, settings: LogisticSettings) -> LinearHead:
    """Fit on all copies, and take the standardisation into the weights."""
    copies = len(features)
    head = LogisticHead.train(features.reshape(-1, features.shape[2]), np.tile(labels, copies), settings)
    scaler, regression = head.steps.named_steps.values()
    weight = regression.coef_ / scaler.scale_
    return LinearHead(weight, regression.intercept_ - weight @ scaler.mean_)
