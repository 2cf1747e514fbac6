"""Score the variants on validation speakers: crossval/runs/variants → comparison/tables/variants.csv."""

from pathlib import Path

import pandas as pd

from ser.corpora.clip_table import read_clips
from ser.evaluation import statistics
from ser.evaluation.fold_predictions import DIGITS
from ser.evaluation.recall import uar
from ser.evaluation.runs import counts_of, read_runs
from ser.storage.errors import reporting
from ser.storage.files import write_table

CLIPS = Path("data/clips.csv")
RUNS = Path("studies/crossval/runs/variants")
TABLE = Path("studies/comparison/tables/variants.csv")
BASE = "full"


def main() -> None:
    with reporting("compare_variants"):
        actors = read_clips(CLIPS, "clip", "actor").set_index("clip")[["actor"]]
        names = sorted(path.name for path in RUNS.iterdir() if path.is_dir())
        tables = {name: read_runs(RUNS / name, "val").join(actors, on="clip") for name in names}
        table = tabulate_variants(tables)
        write_table(table, TABLE, DIGITS)
        print(table.to_string(index=False))


def tabulate_variants(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return a row a variant: its UAR over seeds, and the difference from BASE on the same folds and seeds.

    ValueError names variants whose folds and seeds BASE lacks.
    """
    if BASE not in tables:
        raise ValueError(f"{RUNS}: lacks {BASE!r}, with which all variants are compared; run `dvc repro`")
    rows = []
    for name, table in tables.items():
        pairs = table[["fold", "seed"]].drop_duplicates()
        base = tables[BASE].merge(pairs, on=["fold", "seed"])
        if len(base) != len(table):
            raise ValueError(f"{RUNS}/{name}: has folds or seeds that {BASE!r} lacks; run `dvc repro`")
        counts = [counts_of(part.assign(unit=part["seed"])) for part in (table, base)]
        scores = statistics.over_units(counts[0], uar)
        samples = statistics.resampled(counts[0], uar) - statistics.resampled(counts[1], uar)
        low, high = statistics.interval(samples)
        difference = scores["mean"] - statistics.over_units(counts[1], uar)["mean"]
        rows.append({"variant": name, "runs": len(pairs), "uar": scores["mean"], "sd": scores["sd"]})
        rows[-1] |= {"difference": difference, "low": low, "high": high}
    return pd.DataFrame(rows).sort_values("difference", ascending=False, ignore_index=True)


if __name__ == "__main__":
    main()
