"""Put all models' curves side by side: tables/ → curve.csv, curve.png."""

from pathlib import Path

import pandas as pd

from ser.evaluation.fold_predictions import DIGITS
from ser.evaluation.plotting import save_figure
from ser.storage.errors import reporting
from ser.storage.files import read_table, write_table
from ser.storage.params import read_params
from studies.outside.voices.curve_figure import draw_curves
from studies.outside.voices.settings import PARAMS

OUT = Path("studies/outside/voices")


def main() -> None:
    with reporting("compare_models"):
        table = pd.concat([read_table(OUT / f"tables/{model}.csv") for model in read_params(PARAMS, "models")])
        write_table(table, OUT / "curve.csv", DIGITS)
        save_figure(draw_curves(table), OUT / "curve.png")


if __name__ == "__main__":
    main()
