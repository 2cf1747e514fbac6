"""Write a released model as a bundle: release/trained, release/metrics/<model>.json → release/models/<model>."""

import functools
import json
from typing import Any

import numpy as np

from release.card import write_card
from release.settings import MEMBERS, METRICS, MODELS, TRAINED, model_from_arguments, read_encoder
from ser.bundles.build_compact import build_compact
from ser.bundles.build_encoder import build_encoder
from ser.bundles.build_fused import build_fused
from ser.bundles.building import Bundled
from ser.bundles.bundle import write_bundle
from ser.evaluation.runs import SMALLEST
from ser.models.compact import Compact
from ser.storage.errors import reporting


def main() -> None:
    model = model_from_arguments(__doc__)
    with reporting("export"):
        metrics = json.loads((METRICS / f"{model}.json").read_text(encoding="utf-8"))
        facts = {
            "adaptation": metrics["adaptation"],
            "figures": figures(metrics),
            "min_confidence": metrics["min_confidence"],
            "temperature": metrics["temperature"],
        }
        write_bundle(MODELS / model, model, build(model, metrics), facts, functools.partial(write_card, model, metrics))


def build(model: str, metrics: dict[str, Any]) -> Bundled:
    """Return a released model in its bundled form, calibrated."""
    if model == "compact":
        return build_compact(Compact.load(TRAINED / "compact"), metrics["temperature"])
    layer = read_encoder().embedding_layer
    if model == "encoder":
        return build_encoder(TRAINED / "encoder", layer, metrics["temperature"])
    members = build_compact(Compact.load(TRAINED / "compact"), 1.0), build_encoder(TRAINED / "encoder", layer, 1.0)
    weights = [metrics["weights"][member] for member in MEMBERS]
    return build_fused(*members, weights, float(np.log(SMALLEST)))


def figures(metrics: dict[str, Any]) -> dict[str, Any]:
    """Return what `config.json` says of cross-validation."""
    scores = metrics["scores"]
    return {
        "protocol": metrics["protocol"],
        "speakers": metrics["speakers"],
        "clips": scores["clips"],
        "uar": scores["uar"]["mean"],
        "uar_low": scores["uar"]["low"],
        "uar_high": scores["uar"]["high"],
        "accuracy": scores["accuracy"]["mean"],
        "ece": scores["ece_scaled"],
    }


if __name__ == "__main__":
    main()
