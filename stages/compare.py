"""metrics/groups/, plots/{confusion,history,roc,roc_macro}/, data/design.csv → tables and pictures of all models."""

import argparse
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from ser.evaluation import plotting
from ser.storage.errors import reporting
from ser.storage.files import read_table, write_table
from ser.storage.params import read_value

SCORES = ("accuracy", "accuracy_low", "accuracy_high", "uar", "macro_f1", "roc_auc")
QUANTITIES = ("loss", "accuracy")
RATES = {"fpr": float, "tpr": float}
BUILT_ON = {"extractor": "hybrid"}  # network → the model that is built on it


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", required=True, help="evaluated models, in the order of the figures")
    models = parser.parse_args().models
    with reporting("compare"):
        compare(models)


def compare(models: list[str]) -> None:
    """Write the comparison, the long tables and the pictures, and print the comparison."""
    corpus, protocol = (read_value(Path("params.yaml"), key, str) for key in ("corpus.name", "split.protocol"))
    tests = {model: read_test(Path(f"metrics/groups/{model}.csv")) for model in models}
    comparison = beside_design(tests, read_table(Path("data/design.csv")), corpus, protocol)
    confusions = read_models(Path("plots/confusion"), models, {"actual": str, "predicted": str})
    histories = read_histories(Path("plots/history"), models)
    rocs = read_models(Path("plots/roc"), models, {"emotion": str} | RATES)
    macro_rocs = read_models(Path("plots/roc_macro"), models, RATES)

    write_table(comparison, Path("metrics/comparison.csv"))
    write_table(long_table(confusions), Path("plots/confusion.csv"))
    write_table(long_table({name: by_split(history) for name, history in histories.items()}), Path("plots/history.csv"))
    write_table(long_table(rocs), Path("plots/roc.csv"))
    write_table(long_table(macro_rocs), Path("plots/roc_macro.csv"))

    setting = f"{plotting.label(corpus)}, {plotting.label(protocol)} split"
    subtitle = f"{setting}, {tests[models[0]]['clips']:.0f} test clips"
    areas = {model: None if pd.isna(test["roc_auc"]) else test["roc_auc"] for model, test in tests.items()}
    plotting.save_figure(plotting.draw_confusion(confusions, subtitle), Path("plots/confusion_matrices.png"))
    plotting.save_figure(plotting.draw_learning_curves(histories, setting), Path("plots/learning_curves.png"))
    plotting.save_figure(plotting.draw_accuracy(comparison, subtitle), Path("plots/test_accuracy.png"))
    plotting.save_figure(plotting.draw_macro_roc(macro_rocs, areas, subtitle), Path("plots/roc_macro.png"))

    print(subtitle)
    print(comparison.to_string(index=False, na_rep="-", float_format="{:.4f}".format))


def read_test(path: Path) -> dict[str, float]:
    """Return the scores of the test split from a table of groups; ValueError if it has no such row."""
    groups = read_table(path, ("group", "clips", *SCORES)).set_index("group")
    if "test" not in groups.index:
        raise ValueError(f"{path}: has no group 'test', only {list(groups.index)}. Delete it and run `dvc repro`.")
    return groups.loc["test"].to_dict()


def read_models(folder: Path, models: Iterable[str], columns: dict[str, type]) -> dict[str, pd.DataFrame]:
    """Return these columns of the table of each model."""
    # A type for each: a table without rows has none of its own
    return {model: read_table(folder / f"{model}.csv", tuple(columns), **columns)[list(columns)] for model in models}


def read_histories(folder: Path, models: list[str]) -> dict[str, pd.DataFrame]:
    """Return the history of every training, in the order of the models, then the others by name.

    A network that a model is built on stands in that model's place, so that all figures give it the same colour.
    """
    paths = {path.stem: path for path in folder.glob("[!.]*.csv")}
    if not paths:
        raise ValueError(f"{folder}: has no histories; run `dvc repro`")
    columns = ("epoch", "val_loss", "val_accuracy")
    return {name: read_table(paths[name], columns) for name in order(paths, models)}


def order(names: Iterable[str], first: list[str]) -> list[str]:
    """Sort names: those in `first` in its order, a network at its model's place, then the others by name."""
    places = {name: place for place, name in enumerate(first)}
    return sorted(names, key=lambda name: (places.get(BUILT_ON.get(name, name), len(first)), name))


def by_split(history: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each epoch and split: epoch, split, loss, accuracy; no row where both are missing.

    A history has these as `train_loss`, `val_accuracy` and so on; a column that it lacks is missing in every row.
    """
    parts = [
        history.reindex(columns=["epoch", *(f"{split}_{quantity}" for quantity in QUANTITIES)])
        .set_axis(["epoch", *QUANTITIES], axis="columns")
        .dropna(subset=list(QUANTITIES), how="all")
        .assign(split=split)
        for split in ("train", "val")
    ]
    return pd.concat(parts)[["epoch", "split", *QUANTITIES]].sort_values("epoch", kind="stable", ignore_index=True)


def long_table(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of all tables, their model's name first."""
    return pd.concat([table.assign(model=model)[["model", *table]] for model, table in tables.items()])


def beside_design(tests: dict[str, dict], design: pd.DataFrame, corpus: str, protocol: str) -> pd.DataFrame:
    """Return a row a model: its scores, and the design's accuracy where it was measured on this corpus and protocol."""
    ours = pd.DataFrame([{"model": model} | {score: test[score] for score in SCORES} for model, test in tests.items()])
    theirs = design[(design["corpus"] == corpus) & (design["protocol"] == protocol)].set_index("model")["accuracy"]
    ours["design_accuracy"] = ours["model"].map(theirs).astype(float)
    ours["difference"] = ours["accuracy"] - ours["design_accuracy"]
    return ours


if __name__ == "__main__":
    main()
