"""Released models: where they are, and what is in a bundle."""

import dataclasses
import functools
import json
from pathlib import Path
from typing import Any

import numpy as np

from ser.corpora.emotions import EMOTIONS
from ser.inference.runtime import Session, open_session

DEFAULT = "compact"
PACKAGED = Path(__file__).with_name("bundles")  # in an installation
RELEASED = Path(__file__).parents[2].joinpath("release", "models")  # in a clone


@dataclasses.dataclass(frozen=True)
class Bundle:
    """A folder with a model and what is known of it; the model itself is opened when it is first asked."""

    folder: Path
    config: dict[str, Any]

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def sample_rate_hz(self) -> int:
        return int(self.config["sampling_rate"])

    @property
    def min_confidence(self) -> float:
        return float(self.config["min_confidence"]["value"])

    @property
    def card(self) -> str:
        return (self.folder / "README.md").read_text(encoding="utf-8")

    def hear(self, waveforms: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Return log-probabilities (waveform, emotions) and embeddings (waveform, width) of any number of (time,).

        Each goes alone: a batch is no faster on one core, for it leaves the processor's cache. ValueError where the
        model's answer is no probability.
        """
        answers = [self._run(waveform) for waveform in waveforms]
        logs, embeddings = map(np.concatenate, zip(*answers, strict=True))
        if not np.isfinite(logs).all():
            raise ValueError(f"{self.folder}: the model gives no probabilities")
        return logs, embeddings

    def _run(self, waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        inputs = {"waveform": waveform[None], "lengths": np.array([len(waveform)])}
        return self.session.run(["log_probabilities", "embedding"], inputs)

    @functools.cached_property
    def session(self) -> Session:
        session = open_session(self.folder / "model.onnx")
        labels = json.loads(session.get_modelmeta().custom_metadata_map.get("labels", "null"))
        if labels != [*EMOTIONS]:
            raise ValueError(f"{self.folder}: expected the labels {[*EMOTIONS]}, found {labels}. Take another model.")
        return session


def find_bundle(model: str) -> Bundle:
    """Return a bundle by its folder or its name; ValueError says what there is instead."""
    released = _released()
    folder = released.get(model, Path(model))
    if not (folder / "model.onnx").is_file():
        there = ", ".join(released) or "no model that came with this package"
        raise ValueError(f"{model}: no model. Give a folder with model.onnx and config.json, or a name: {there}.")
    return read_bundle(folder)


def list_bundles() -> list[Bundle]:
    """Return the bundles that came with this package, and those of the clone that it runs in."""
    return [read_bundle(folder) for folder in _released().values()]


def _released() -> dict[str, Path]:
    found = {path.parent.name: path.parent for root in (RELEASED, PACKAGED) for path in root.glob("*/model.onnx")}
    return dict(sorted(found.items()))


def read_bundle(folder: Path) -> Bundle:
    """Read what a bundle says of itself; ValueError names what is missing."""
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        missing = [key for key in ("min_confidence", "revision", "sampling_rate") if key not in config]
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(f"{path}: not readable ({error}). Copy the bundle again.") from error
    if missing:
        raise ValueError(f"{path}: lacks {missing}. Copy the bundle again.")
    return Bundle(folder, config)
