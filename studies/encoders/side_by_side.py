"""Put all encoders side by side: runs/luna, tables/sizes, benchmarks/encoders.csv → tables/encoders.csv, plots/."""

import json
from pathlib import Path

import pandas as pd

from ser.corpora.clip_table import read_clips
from ser.evaluation.plotting import save_figure
from ser.evaluation.recall import uar
from ser.evaluation.run_scores import complete_units
from ser.evaluation.runs import counts_of, read_runs
from ser.evaluation.statistics import over_units
from ser.storage.errors import reporting
from ser.storage.files import read_table, write_table
from ser.storage.params import read_params
from studies.encoders.cost_figure import draw_cost

PARAMS = Path("studies/encoders/params.yaml")
CLIPS = Path("data/clips.csv")
RUNS = Path("studies/encoders/runs/luna")
SIZES = Path("studies/encoders/tables/sizes")
TIMES = Path("benchmarks/encoders.csv")
TABLE = Path("studies/encoders/tables/encoders.csv")
FIGURE = Path("studies/encoders/plots/encoders.png")
DIGITS = 4


def row_of(encoder: str, source: str, clips: pd.DataFrame) -> dict[str, object]:
    """Return an encoder's name, size and UAR on speakers that the head never heard, with its interval over speakers."""
    size = json.loads((SIZES / f"{encoder}.json").read_text(encoding="utf-8"))
    runs = complete_units(read_runs(RUNS / encoder), "luna", RUNS / encoder).merge(clips, on="clip")
    score = over_units(counts_of(runs), uar)
    return (
        {"encoder": encoder, "source": source}
        | size
        | {"uar": score["mean"], "low": score["low"], "high": score["high"]}
    )


def main() -> None:
    with reporting("side_by_side"):
        sources, clips = read_params(PARAMS, "sources"), read_clips(CLIPS, "clip", "actor")[["clip", "actor"]]
        encoders = sorted(path.stem for path in SIZES.glob("*.json"))
        table = pd.DataFrame([row_of(encoder, sources[encoder]["name"], clips) for encoder in encoders])
        times = read_table(TIMES, ("encoder", "ms_per_clip")).set_index("encoder")["ms_per_clip"]
        table["ms_per_clip"] = table["encoder"].map(times)
        untimed = table.loc[table["ms_per_clip"].isna(), "encoder"].tolist()
        if untimed:
            print(f"no time of {untimed} in {TIMES}: `python -m benchmarks.encoders` measures it")
        table = table.sort_values("uar", ascending=False, ignore_index=True)
        write_table(table, TABLE, DIGITS)
        save_figure(draw_cost(table.dropna(subset="ms_per_clip")), FIGURE)
        print(table.to_string(index=False))


if __name__ == "__main__":
    main()
