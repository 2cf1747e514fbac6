"""Calibrate a released model on out-of-fold predictions, and score these: runs → release/metrics/<model>.json."""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import log_softmax

from release.settings import MEMBERS, METRICS, model_from_arguments, read_calibration, runs_of
from ser.corpora.clip_table import read_clips
from ser.corpora.emotions import EMOTION_INDEX
from ser.evaluation.adapted import DrawSettings, StrengthSettings, fit_adapter
from ser.evaluation.fold_predictions import DIGITS
from ser.evaluation.fused_runs import beside_each_other, choose
from ser.evaluation.fused_runs import runs_of as pairs_of
from ser.evaluation.late_fusion import fit_weights
from ser.evaluation.run_scores import ABOUT, class_table, complete_units, score
from ser.evaluation.runs import counts_of, log_probabilities, read_runs
from ser.evaluation.temperature import fit_temperature
from ser.storage.errors import reporting
from ser.storage.files import write_json
from ser.storage.params import build, read_params

CLIPS = Path("data/clips.csv")
VOICES_PARAMS = Path("studies/outside/voices/params.yaml")


def main() -> None:
    model = model_from_arguments(__doc__)
    with reporting("calibrate"):
        write_json(calibrate(model), METRICS / f"{model}.json", DIGITS)


def calibrate(model: str) -> dict[str, object]:
    """Return the temperature or weights, min_confidence, and the scores of cross-validation."""
    settings = read_calibration()
    clips = read_clips(CLIPS, "clip", "emotion", *ABOUT)
    folder = runs_of(model)
    about = clips.set_index("clip")[list(ABOUT)]
    runs = complete_units(read_runs(folder).join(about, on="clip"), settings.protocol, folder)
    logs, heard, fitted = fit_fused() if model == "fused" else fit_alone(runs)
    labels = labels_of(heard)
    return fitted | {
        "adaptation": fit_adaptation(logs, heard, about["actor"]),
        "clips_by_emotion": clips["emotion"].value_counts().to_dict(),
        "clips_by_sex": clips["sex"].value_counts().to_dict(),
        "min_confidence": choose_confidence(logs, labels, settings.coverage),
        "protocol": settings.protocol,
        "recall": class_table(counts_of(runs)).set_index("emotion").to_dict("index"),
        "scores": score(runs),
        "speakers": clips["actor"].nunique(),
    }


def fit_alone(runs: pd.DataFrame) -> tuple[np.ndarray, pd.DataFrame, dict[str, object]]:
    """Return calibrated log-probabilities (row, emotions) of the test clips of all folds, the clips, what was fitted.

    Each clip was predicted by a training without its speaker. The clips have the columns clip, emotion and seed.
    """
    logs = log_probabilities(runs)
    temperature = fit_temperature(logs, labels_of(runs))
    return log_softmax(logs / temperature, axis=1), runs, {"temperature": temperature}


def fit_fused() -> tuple[np.ndarray, pd.DataFrame, dict[str, object]]:
    """Return the same of the fused model, whose weights are also its temperature."""
    tables = {member: read_runs(runs_of(member)).assign(split="test") for member in MEMBERS}
    pairs = pairs_of(tables)
    joined = [beside_each_other({name: choose(table, *pair) for name, table in tables.items()}) for pair in pairs]
    heard = pd.concat([clips.assign(seed=seed) for (clips, _), (_, seed) in zip(joined, pairs, strict=True)])
    logs = np.concatenate([logs for _, logs in joined], axis=1)
    weights = fit_weights(logs, labels_of(heard))
    fitted = {"temperature": 1.0, "weights": dict(zip(MEMBERS, weights.tolist(), strict=True))}
    return log_softmax(np.tensordot(weights, logs, axes=1), axis=1), heard, fitted


def fit_adaptation(logs: np.ndarray, heard: pd.DataFrame, actors: pd.Series) -> dict[str, object]:
    """Return how the model adapts to a speaker, fitted on one seed; actors: by clip."""
    draws, strengths = read_params(VOICES_PARAMS, "draws", "run_strengths")
    once = (heard["seed"] == heard["seed"].min()).to_numpy()
    clips = heard[once]
    adapter = fit_adapter(
        logs[once],
        labels_of(clips),
        clips["clip"].map(actors).to_numpy(),
        build(StrengthSettings, strengths, "run_strengths", str(VOICES_PARAMS)).grid,
        build(DrawSettings, draws, "draws", str(VOICES_PARAMS)),
    )
    return adapter.written()


def choose_confidence(logs: np.ndarray, labels: np.ndarray, coverage: float) -> dict[str, float]:
    """Return the confidence that this share of the clips reaches, the share that does, and how many of it are right."""
    confidence, right = np.exp(logs.max(axis=1)), logs.argmax(axis=1) == labels
    value = float(np.quantile(confidence, 1 - coverage).round(DIGITS))
    answered = confidence >= value
    return {"value": value, "coverage": float(answered.mean()), "accuracy": float(right[answered].mean())}


def labels_of(table: pd.DataFrame) -> np.ndarray:
    return table["emotion"].map(EMOTION_INDEX).to_numpy()


if __name__ == "__main__":
    main()
