"""The figure of the conditions: UAR of both forms, and their calibration errors."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ser.corpora.emotions import EMOTIONS
from ser.evaluation.plotting import COLORS, HATCHES, MARKERS, WIDTH_IN, printed

TITLES = {"whisper": "Whisper, frozen, logistic regression", "compact": "CompactNet"}
LABELS = {
    "clean": "as it is",
    "level": "20 dB softer",
    "clipping": "clipped, peak × 4",
    "white_20": "white noise, 20 dB",
    "white_10": "white noise, 10 dB",
    "pink_10": "pink noise, 10 dB",
    "babble_20": "babble, 20 dB",
    "babble_10": "babble, 10 dB",
    "babble_5": "babble, 5 dB",
    "telephone": "telephone",
    "mp3_16": "MP3, 16 kbit/s",
    "opus_8": "Opus, 8 kbit/s",
    "room_03": "room, RT60 0.3 s",
    "room_06": "room, RT60 0.6 s",
    "low_pass": "low-pass, 4 kHz",
    "silence": "silence at both ends",
    "slower": "10 % slower",
    "faster": "10 % faster",
}
FORMS = {"plain": "trained on clips as they are", "robust": "trained on disturbed copies too"}
WIDTH = 0.38  # of a bar
ECE_GOAL = 0.08


@printed
def draw_conditions(table: pd.DataFrame, model: str) -> Figure:
    """Draw a row of bars a condition; table: form, condition, uar, uar_low, uar_high, ece."""
    conditions = list(dict.fromkeys(table["condition"]))
    places = np.arange(len(conditions))
    figure = Figure(figsize=(WIDTH_IN, 6.4), layout="constrained")
    figure.suptitle(f"{TITLES.get(model, model)}: recording conditions, Luna-Jiménez's folds")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(2, 1))
    for offset, color, hatch, marker, (form, label) in zip(
        (-WIDTH / 2, WIDTH / 2), (COLORS[4], COLORS[0]), HATCHES[1::-1], MARKERS, FORMS.items(), strict=False
    ):
        rows = table[table["form"] == form].set_index("condition").loc[conditions]
        spread = [rows["uar"] - rows["uar_low"], rows["uar_high"] - rows["uar"]]
        style = {"color": color, "hatch": hatch, "edgecolor": "black", "label": label}
        left.barh(
            places + offset, rows["uar"], WIDTH, xerr=spread, error_kw={"linewidth": 0.8, "capsize": 1.5}, **style
        )
        right.plot(rows["ece"], places, marker, color=color, markeredgecolor="black", markersize=5)
    left.axvline(1 / len(EMOTIONS), color="0.4", linestyle="--", linewidth=1, label="chance")
    right.axvline(ECE_GOAL, color="0.4", linestyle=":", linewidth=1.2, label=f"goal, {ECE_GOAL}")
    left.set(xlabel="UAR, with 95 % interval over speakers", xlim=(0, 1), ylim=(len(conditions) - 0.5, -0.5))
    left.set_yticks(places, [LABELS.get(name, name) for name in conditions])
    right.set(xlabel="expected calibration error", xlim=(0, None))
    for axes in (left, right):
        axes.grid(True, axis="x")
        axes.axhline(0.5, color="0.6", linewidth=0.8)
    figure.legend(loc="outside lower center", ncols=4)
    return figure
