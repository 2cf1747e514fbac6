"""data/{predictions/<model>,clips}.csv → metrics/<model>.json, metrics/per_class/, plots/{confusion,roc,roc_macro}/."""

import argparse
from pathlib import Path

import pandas as pd

from stages.ser import scoring
from stages.ser.errors import reporting
from stages.ser.files import read_table, write_json, write_table
from stages.ser.predictions import read_predictions

METRIC_DIGITS = 4  # a test split of 216 clips resolves 0.0046


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
    train, val, test = (table[table["split"] == split] for split in ("train", "val", "test"))
    if test.empty:
        raise ValueError(f"{path}: no clips in the split test")
    write_json(
        {
            "train": scoring.accuracy_and_uar(train),
            "val": scoring.accuracy_and_uar(val),
            "test": scoring.headline(test) | by_sex(test),
        },
        Path(f"metrics/{model}.json"),
        METRIC_DIGITS,
    )
    curves = scoring.roc_curves(test)
    confusion = pd.DataFrame({"actual": test["emotion"], "predicted": scoring.predicted(test)})
    write_table(scoring.class_scores(test), Path(f"metrics/per_class/{model}.csv"), METRIC_DIGITS)
    write_table(confusion, Path(f"plots/confusion/{model}.csv"))
    write_table(curves, Path(f"plots/roc/{model}.csv"))
    write_table(scoring.macro_roc(curves), Path(f"plots/roc_macro/{model}.csv"))


def with_sex(table: pd.DataFrame, clips: Path) -> pd.DataFrame:
    """Add the speaker's sex to each row, from the table of clips."""
    sexes = read_table(clips, ("clip", "sex")).set_index("clip")["sex"]
    table = table.assign(sex=table["clip"].map(sexes))
    unknown = table.loc[table["sex"].isna(), "clip"].tolist()
    if unknown:
        raise ValueError(f"{clips}: no sex for {len(unknown)} of the predicted clips, first {unknown[0]}")
    return table


def by_sex(test: pd.DataFrame) -> dict[str, dict]:
    """Score the clips of each sex on their own."""
    groups = {sex: test[test["sex"] == sex] for sex in ("female", "male")}
    return {sex: scoring.accuracy_and_uar(group) | {"clips": len(group)} for sex, group in groups.items()}


if __name__ == "__main__":
    main()
