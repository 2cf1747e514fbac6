"""Stacking: a logistic regression on the log-probabilities of several models (Wolpert 1992)."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict

PENALTIES = (0.001, 0.01, 0.1, 1.0)


def fit_stack(logs: np.ndarray, labels: np.ndarray, speakers: np.ndarray) -> LogisticRegression:
    """Fit on log-probabilities (member, clip, emotions); the penalty is the best of speakers left out one by one."""
    features = stacked(logs)

    def loss(penalty: float) -> float:
        model = LogisticRegression(C=penalty, max_iter=2000)
        guessed = cross_val_predict(
            model, features, labels, groups=speakers, cv=LeaveOneGroupOut(), method="predict_log_proba"
        )
        return -float(np.take_along_axis(guessed, labels[:, None], axis=1).mean())

    return LogisticRegression(C=min(PENALTIES, key=loss), max_iter=2000).fit(features, labels)


def stacked(logs: np.ndarray) -> np.ndarray:
    """Return log-probabilities (member, clip, emotions) as features (clip, member · emotions)."""
    return logs.transpose(1, 0, 2).reshape(logs.shape[1], -1)
