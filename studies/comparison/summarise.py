"""Put random splits beside speaker-independent folds: comparison/metrics/{stratified,luna}.json → summary.json."""

import json
from pathlib import Path

from ser.evaluation.fold_predictions import DIGITS
from ser.storage.errors import reporting
from ser.storage.files import write_json

METRICS = Path("studies/comparison/metrics")


def main() -> None:
    with reporting("summarise"):
        paths = (METRICS / "stratified.json", METRICS / "luna.json")
        dependent, independent = (json.loads(path.read_text(encoding="utf-8")) for path in paths)
        shared = sorted(dependent.keys() & independent.keys())
        summary = {model: beside(dependent[model], independent[model]) for model in shared}
        write_json(summary, METRICS / "summary.json", DIGITS)


def beside(dependent: dict, independent: dict) -> dict[str, dict[str, float]]:
    """Return for accuracy and UAR both protocols' means, and by how much that of the random splits is higher."""
    return {
        name: {
            "speaker_dependent": dependent[name]["mean"],
            "speaker_independent": independent[name]["mean"],
            "difference": dependent[name]["mean"] - independent[name]["mean"],
        }
        for name in ("accuracy", "uar")
    }


if __name__ == "__main__":
    main()
