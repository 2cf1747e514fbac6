"""The model card of a released model: release/card.md filled in with its metrics, under a header for Hugging Face."""

from pathlib import Path
from string import Template
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from release.settings import read_encoder
from ser.corpora.emotions import EMOTIONS
from ser.corpora.protocols import TITLES
from ser.storage.params import read_params

TEMPLATE = Path("release/card.md")
ENCODER_PARAMS = Path("studies/encoders/params.yaml")
TITLE = {
    "compact": "CompactNet",
    "encoder": "Whisper with logistic regression",
    "fused": "CompactNet and Whisper, fused",
}
COMPACT = "a network of convolutions, a bidirectional LSTM and attentive pooling, trained from nothing"
ENCODER = "the encoder of {base}, frozen, with logistic regression on the mean and deviation of each layer"
WHAT = {
    "compact": f"CompactNet is {COMPACT}.",
    "encoder": f"This is {ENCODER}.",
    "fused": f"""Two models, their log-probabilities summed by weights:

- CompactNet, {COMPACT};
- {ENCODER}.""",
}
PRIOR = {
    "compact": """The loss weighed all emotions equally, so the probabilities hold for equally frequent emotions.
Where they are not, multiply each probability by the emotion's frequency, and divide by the sum.""",
    "encoder": """The probabilities hold for these shares. Where emotions have other frequencies, multiply each
probability by the new frequency over the one above, and divide by the sum.""",
    "fused": """CompactNet's loss weighed all emotions equally; the encoder's head learned from the clips as they are.
So the probabilities hold for something between equal shares and these.""",
}
COPIES = ", each at three speeds"


def write_card(model: str, metrics: dict[str, Any], revision: str) -> str:
    """Return the card as Markdown, with its header."""
    base, scores, clips = base_model(), metrics["scores"], metrics["scores"]["clips"]
    shares = [metrics["clips_by_emotion"].get(emotion, 0) / clips for emotion in EMOTIONS]
    encodes = model != "compact"
    chosen = metrics["min_confidence"]
    text = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=f"Speech emotion recognition: {TITLE[model]}",
        what=WHAT[model].format(base=base),
        emotions=", ".join(EMOTIONS),
        revision=revision,
        clips=clips,
        speakers=metrics["speakers"],
        sexes=", ".join(f"{sex} {count}" for sex, count in sorted(metrics["clips_by_sex"].items())),
        copies=COPIES if model == "encoder" else "",
        protocol=TITLES[metrics["protocol"]].partition(": ")[2],
        runs="once" if scores["units"] == 1 else f"{scores['units']} times with different random numbers",
        overall="\n".join(
            f"| {name} | {interval(part['uar'])} | {interval(part['accuracy'])} |"
            for name, part in (("all", scores), ("female", scores["female"]), ("male", scores["male"]))
        ),
        recalls="\n".join(f"| {emotion} | {interval(metrics['recall'][emotion])} |" for emotion in EMOTIONS),
        calibration=calibration(metrics),
        ece=f"{scores['ece_scaled']:.3f}",
        ece_unscaled="" if "weights" in metrics else f" ({scores['ece']:.3f} without it)",
        coverage=f"{chosen['coverage']:.0%}",
        min_confidence=f"{chosen['value']:.2f}",
        answered=f"{chosen['accuracy']:.0%}",
        emotion_headings=" | ".join(EMOTIONS),
        emotion_rule="|".join(["---"] * len(EMOTIONS)),
        emotion_shares=" | ".join(f"{share:.1%}" for share in shares),
        prior=PRIOR[model],
        base_licence=f" {base} has a licence of its own." if encodes else "",
    )
    return f"---\n{header(model, metrics, base if encodes else None)}\n---\n\n{text}"


def base_model() -> str:
    """Return the encoder's name on the Hugging Face hub."""
    return read_params(ENCODER_PARAMS, "sources")[read_encoder().name]["name"]


def interval(measure: dict[str, float]) -> str:
    return f"{measure['mean']:.3f} [{measure['low']:.3f}, {measure['high']:.3f}]"


def calibration(metrics: dict[str, Any]) -> str:
    """Say what scales the probabilities."""
    if "weights" in metrics:
        weights = ", ".join(f"{name} {weight:.3f}" for name, weight in metrics["weights"].items())
        return f"the weights of the two models ({weights}), fitted\non out-of-fold predictions"
    return f"one temperature, {metrics['temperature']:.3f}, fitted on out-of-fold predictions"


def header(model: str, metrics: dict[str, Any], base: str | None) -> str:
    """Return the YAML that the hub reads."""
    results = [
        EvalResult(
            task_type="audio-classification",
            task_name="Speech emotion recognition",
            dataset_type="ravdess",
            dataset_name="RAVDESS (speech)",
            dataset_split="test speakers of all folds",
            metric_type=kind,
            metric_name=name,
            metric_value=metrics["scores"][measure]["mean"],
        )
        for kind, name, measure in (
            ("recall", "UAR (cross-validation by speakers)", "uar"),
            ("accuracy", "Accuracy (cross-validation by speakers)", "accuracy"),
            ("f1", "Macro-F1 (cross-validation by speakers)", "macro_f1"),
        )
    ]
    card = ModelCardData(
        language="en",
        license="cc-by-nc-sa-4.0",
        library_name="transformers",
        pipeline_tag="audio-classification",
        tags=["speech-emotion-recognition", "onnx"],
        datasets=["ravdess"],
        metrics=["recall", "accuracy", "f1"],
        base_model=base,
        model_name=f"ser-{model}",
        eval_results=results,
    )
    return card.to_yaml().strip()
