"""data/{predictions/<model>,clips}.csv → metrics/<model>.json, metrics/{groups,per_class}/, plots/{confusion,roc*}/."""

import argparse
from pathlib import Path

import pandas as pd

from ser.corpora.clip_table import SPLITS, read_clips
from ser.evaluation import scoring
from ser.evaluation.predictions import read_predictions
from ser.storage.errors import reporting
from ser.storage.files import write_json, write_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="name of the table in data/predictions")
    model = parser.parse_args().model
    with reporting("evaluate"):
        evaluate(model)


def evaluate(model: str) -> None:
    """Write all reports of one model; ValueError if a split has no clips or a clip has no sex."""
    path = Path(f"data/predictions/{model}.csv")
    table = with_sex(read_predictions(path), Path("data/clips.csv"))
    groups = {split: table[table["split"] == split] for split in SPLITS}
    test = groups["test"]
    if test.empty:
        raise ValueError(f"{path}: no clips in the split test")
    groups |= {f"test, {sex}": test[test["sex"] == sex] for sex in ("female", "male")}
    metrics = {"val": scoring.accuracy_and_uar(groups["val"]), "test": scoring.headline(test)}
    write_json(metrics, Path(f"metrics/{model}.json"))
    write_table(scoring.group_scores(groups), Path(f"metrics/groups/{model}.csv"))
    curves = scoring.roc_curves(test)
    confusion = pd.DataFrame({"actual": test["emotion"], "predicted": scoring.predicted(test)})
    write_table(scoring.class_scores(test), Path(f"metrics/per_class/{model}.csv"))
    write_table(confusion, Path(f"plots/confusion/{model}.csv"))
    write_table(curves, Path(f"plots/roc/{model}.csv"))
    write_table(scoring.macro_roc(curves), Path(f"plots/roc_macro/{model}.csv"))


def with_sex(table: pd.DataFrame, clips: Path) -> pd.DataFrame:
    """Add the speaker's sex to each row, from the table of clips."""
    sexes = read_clips(clips, "clip", "sex").set_index("clip")["sex"]
    table = table.assign(sex=table["clip"].map(sexes))
    unknown = table.loc[table["sex"].isna(), "clip"].tolist()
    if unknown:
        raise ValueError(f"{clips}: no sex for {len(unknown)} of the predicted clips, first {unknown[0]}")
    return table


if __name__ == "__main__":
    main()
