"""The sections of release/params.yaml, and where the project keeps what."""

import argparse
import dataclasses
from pathlib import Path

from ser.corpora.protocols import SPEAKER_FOLDS
from ser.storage.params import build, check, read_params

PARAMS = Path("release/params.yaml")
TRAINED = Path("release/trained")
METRICS = Path("release/metrics")
MODELS = Path("release/models")
FUSED_RUNS = Path("release/runs")
NAMES = ("compact", "encoder", "fused")
MEMBERS = ("compact", "encoder")  # of the fused model


@dataclasses.dataclass(frozen=True)
class EncoderSettings:
    """Which encoder, and which of its layers is the embedding."""

    name: str
    embedding_layer: int

    def __post_init__(self) -> None:
        check(self.embedding_layer >= 0, "embedding_layer", self.embedding_layer, "0 or more")


@dataclasses.dataclass(frozen=True)
class CalibrationSettings:
    """Whose runs calibrate, and the share of the clips that min_confidence lets through."""

    protocol: str
    coverage: float

    def __post_init__(self) -> None:
        allowed = " or ".join(SPEAKER_FOLDS)
        check(self.protocol in SPEAKER_FOLDS, "protocol", self.protocol, f"{allowed}, which keep speakers apart")
        check(0 < self.coverage <= 1, "coverage", self.coverage, "above 0 to 1")


def read_encoder() -> EncoderSettings:
    return build(EncoderSettings, read_params(PARAMS, "encoder"), "encoder", str(PARAMS))


def read_calibration() -> CalibrationSettings:
    return build(CalibrationSettings, read_params(PARAMS, "calibrate"), "calibrate", str(PARAMS))


def runs_of(model: str) -> Path:
    """Return the folder of the runs in cross-validation that stand for a released model."""
    protocol = read_calibration().protocol
    return {
        "compact": Path("studies/crossval/runs") / protocol / "compact",
        "encoder": Path("studies/encoders/runs") / protocol / read_encoder().name,
        "fused": FUSED_RUNS,
    }[model]


def model_from_arguments(description: str | None) -> str:
    """Return the released model that the command line names."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("model", choices=NAMES)
    return parser.parse_args().model
