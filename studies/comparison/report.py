"""Put all models side by side: comparison/metrics → comparison/tables/models.md and comparison/plots/models.png."""

import json
from pathlib import Path
from typing import Any

from ser.corpora.protocols import TITLES
from ser.evaluation.markdown import render
from ser.evaluation.plotting import label, save_figure
from ser.storage.errors import reporting
from ser.storage.files import replacing
from studies.comparison.report_figure import draw_models

METRICS = Path("studies/comparison/metrics")
TABLE = Path("studies/comparison/tables/models.md")
FIGURE = Path("studies/comparison/plots/models.png")
MODELS = {
    "functionals": "LightGBM on functionals",
    "hybrid": "Hybrid: LightGBM on CNN-LSTM",
    "hybrid_functionals": "Hybrid with functionals",
    "hybrid_crossfit": "Hybrid, cross-fitted",
    "hybrid_crossfit_functionals": "Hybrid, cross-fitted, with functionals",
    "whisper": "Whisper, logistic regression",
    "whisper_attentive": "Whisper, attentive pooling",
    "whisper_finetuned": "Whisper, fine-tuned",
    "whisper_lgbm": "Whisper, LightGBM",
    "yamnet": "YAMNet, logistic regression",
    "fused": "Fused",
}
BESIDE = {"speaker_dependent": "random", "speaker_independent": "SI", "difference": "difference"}
COLUMNS = ("model", "runs", "UAR [95 %]", "accuracy", "macro-F1", "female, male", "normal, strong", "ECE, scaled")


def main() -> None:
    with reporting("report"):
        metrics = {name: read_metrics(name) for name in TITLES}
        text = f"{format_tables(metrics)}\n{format_difference(read_metrics('summary'))}"
        with replacing(TABLE) as temporary:
            temporary.write_text(text, encoding="utf-8")
        labels = {name: name_of(name) for scores in metrics.values() for name in scores}
        save_figure(draw_models(metrics, TITLES, labels), FIGURE)


def read_metrics(name: str) -> dict[str, Any]:
    return json.loads((METRICS / f"{name}.json").read_text(encoding="utf-8"))


def format_tables(metrics: dict[str, Any]) -> str:
    """Return Markdown, a table a protocol, the best model by UAR first."""
    parts = [
        "# All models, all protocols\n\nWritten by the stage `report`; docs/RESULTS.md says what the figures mean.\n"
    ]
    for protocol, scores in metrics.items():
        ranked = sorted(scores, key=lambda model: -scores[model]["uar"]["mean"])
        rows = [row_of(name_of(model), scores[model]) for model in ranked]
        parts.append(f"## {TITLES[protocol]}\n\n{render(COLUMNS, rows)}")
    return "\n".join(parts)


def format_difference(summary: dict[str, Any]) -> str:
    """Return Markdown: how much higher each model scores on random splits than on Luna-Jiménez's folds."""
    rows = [
        [name_of(model), *(f"{scores[measure][key]:.3f}" for measure in ("accuracy", "uar") for key in BESIDE)]
        for model, scores in sorted(summary.items(), key=lambda item: -item[1]["uar"]["speaker_independent"])
    ]
    columns = ("model", *(f"{measure}, {name}" for measure in ("accuracy", "UAR") for name in BESIDE.values()))
    return f"## Random splits beside speaker-independent folds (SI, Luna-Jiménez)\n\n{render(columns, rows)}"


def row_of(name: str, scores: dict[str, Any]) -> list[str]:
    """Return the cells of COLUMNS; UAR, accuracy and macro-F1 are means over the runs, ± their standard deviation."""
    uar = scores["uar"]
    groups = (("female", "male"), ("normal", "strong"))
    return [
        name,
        str(scores["units"]),
        f"{spread(uar)} [{uar['low']:.3f}, {uar['high']:.3f}]",
        *(spread(scores[measure]) for measure in ("accuracy", "macro_f1")),
        *(", ".join(f"{scores[group]['uar']['mean']:.3f}" for group in pair) for pair in groups),
        ", ".join(f"{scores[measure]:.3f}" for measure in ("ece", "ece_scaled") if scores.get(measure) is not None),
    ]


def spread(score: dict[str, float | None]) -> str:
    """Return a mean, with ± its standard deviation where there is more than one run."""
    return f"{score['mean']:.3f}" + ("" if score["sd"] is None else f" ± {score['sd']:.3f}")


def name_of(model: str) -> str:
    return MODELS.get(model, label(model))


if __name__ == "__main__":
    main()
