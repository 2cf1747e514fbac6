"""metrics/, plots/{confusion,roc_macro,history}/, data/design.csv → metrics/comparison.csv, pictures of all models."""

import argparse
import json
from pathlib import Path

import pandas as pd

from ser.evaluation import plotting
from ser.storage.errors import reporting
from ser.storage.files import read_table, write_table
from ser.storage.params import read_params

SCORES = ("accuracy", "accuracy_low", "accuracy_high", "uar", "macro_f1", "roc_auc")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", required=True, help="evaluated models, in the order of the figures")
    parser.add_argument("--networks", nargs="+", required=True, help="trained networks, in the same order")
    arguments = parser.parse_args()
    with reporting("compare"):
        compare(arguments.models, arguments.networks)


def compare(models: list[str], networks: list[str]) -> None:
    """Write the table and the pictures, and print the table."""
    corpus, split = read_params(Path("params.yaml"), "corpus", "split")
    tests = {model: read_test(model) for model in models}
    comparison = beside_design(tests, read_table(Path("data/design.csv")), corpus["name"], split["protocol"])
    write_table(comparison, Path("metrics/comparison.csv"))

    setting = f"{plotting.label(corpus['name'])}, {plotting.label(split['protocol'])} split"
    subtitle = f"{setting}, {tests[models[0]]['clips']:.0f} test clips"
    confusions = {model: read_table(Path(f"plots/confusion/{model}.csv"), ("actual", "predicted")) for model in models}
    curves = {model: read_table(Path(f"plots/roc_macro/{model}.csv"), ("fpr", "tpr")) for model in models}
    histories = {network: read_table(Path(f"plots/history/{network}.csv"), ("epoch",)) for network in networks}
    areas = {model: test["roc_auc"] for model, test in tests.items()}
    plotting.save_figure(plotting.draw_confusion(confusions, subtitle), Path("plots/confusion_matrices.png"))
    plotting.save_figure(plotting.draw_learning_curves(histories, setting), Path("plots/learning_curves.png"))
    plotting.save_figure(plotting.draw_accuracy(comparison, subtitle), Path("plots/test_accuracy.png"))
    plotting.save_figure(plotting.draw_macro_roc(curves, areas, subtitle), Path("plots/roc_macro.png"))

    print(subtitle)
    print(comparison.to_string(index=False, na_rep="-", float_format="{:.4f}".format))


def read_test(model: str) -> dict[str, float]:
    """Return what `evaluate` measured on the test split."""
    scores = json.loads(Path(f"metrics/{model}.json").read_text(encoding="utf-8"))["test"]
    groups = read_table(Path(f"metrics/groups/{model}.csv"), ("group", "clips")).set_index("group")
    return groups.loc["test"].to_dict() | scores


def beside_design(tests: dict[str, dict], design: pd.DataFrame, corpus: str, protocol: str) -> pd.DataFrame:
    """Return a row a model: its scores, and the design's accuracy where it was measured on this corpus and protocol."""
    ours = pd.DataFrame([{"model": model} | {score: test[score] for score in SCORES} for model, test in tests.items()])
    theirs = design[(design["corpus"] == corpus) & (design["protocol"] == protocol)].set_index("model")["accuracy"]
    ours["design_accuracy"] = ours["model"].map(theirs).astype(float)
    ours["difference"] = ours["accuracy"] - ours["design_accuracy"]
    return ours


if __name__ == "__main__":
    main()
