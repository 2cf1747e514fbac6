"""Put the random split beside voices never heard: crossval/metrics/{stratified,luna}.json → metrics/summary.json."""

import json
from pathlib import Path

from crossval.runs import DIGITS
from stages.ser.errors import reporting
from stages.ser.files import write_json

METRICS = Path("crossval/metrics")


def main() -> None:
    with reporting("summarise"):
        paths = (METRICS / "stratified.json", METRICS / "luna.json")
        random, unheard = (json.loads(path.read_text(encoding="utf-8")) for path in paths)
        summary = {model: beside(random[model], unheard[model]) for model in sorted(random.keys() & unheard.keys())}
        write_json(summary, METRICS / "summary.json", DIGITS)


def beside(random: dict, unheard: dict) -> dict[str, dict[str, float]]:
    """Return for accuracy and UAR both protocols' means and by how much the random split flatters."""
    return {
        name: {
            "random": random[name]["mean"],
            "unheard_voices": unheard[name]["mean"],
            "flattery": random[name]["mean"] - unheard[name]["mean"],
        }
        for name in ("accuracy", "uar")
    }


if __name__ == "__main__":
    main()
