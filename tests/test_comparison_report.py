"""The tables and the figure of all models under all protocols."""

import pytest

from studies.comparison.report import format_difference, format_tables
from studies.comparison.report_figure import draw_models

PROTOCOLS = {"luna": "folds", "stratified": "splits"}


def scores(uar: float, units: int = 1) -> dict:
    score = {"mean": uar, "sd": 0.01 if units > 1 else None, "low": uar - 0.05, "high": uar + 0.06}
    groups = {name: {"uar": {"mean": uar + 0.02}} for name in ("female", "male", "normal", "strong")}
    return groups | {
        "accuracy": score,
        "macro_f1": score,
        "uar": score,
        "units": units,
        "ece": 0.04,
        "ece_scaled": None,
    }


METRICS = {
    "luna": {"cnn": scores(0.5), "whisper": scores(0.7, units=3)},
    "stratified": {"cnn": scores(0.6), "other": scores(0.9)},
}


def test_each_protocol_has_a_table_with_the_best_model_first():
    _, *tables = format_tables(METRICS).split("## ")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in tables[0].splitlines() if line.startswith("|")]
    assert [row[0] for row in rows[2:]] == ["Whisper, logistic regression", "AudioCNN"]
    assert rows[2][1:4] == ["3", "0.700 ± 0.010 [0.650, 0.760]", "0.700 ± 0.010"]
    assert rows[3][1:] == ["1", "0.500 [0.450, 0.560]", "0.500", "0.500", "0.520, 0.520", "0.520, 0.520", "0.040"]
    assert len({len(row) for row in rows}) == 1


def test_the_difference_of_both_protocols_is_shown_beside_them():
    accuracy = {"speaker_dependent": 0.9, "speaker_independent": 0.7, "difference": 0.2}
    uar = {"speaker_dependent": 0.8, "speaker_independent": 0.65, "difference": 0.15}
    summary = {"lstm": {"accuracy": accuracy, "uar": uar | {"speaker_independent": 0.5}}}
    shown = format_difference(summary | {"cnn": {"accuracy": accuracy, "uar": uar}})
    assert "| AudioCNN | 0.900 | 0.700 | 0.200 | 0.800 | 0.650 | 0.150 |\n| AudioLSTM | " in shown


def test_the_figure_has_a_row_a_model_and_a_mark_for_each_protocol_that_it_has_runs_of():
    axes = draw_models(METRICS, PROTOCOLS, {"cnn": "CNN", "whisper": "Whisper", "other": "Other"}).axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["Other", "CNN", "Whisper"]
    marks = [container.lines[0] for container in axes.containers]
    assert [sorted(mark.get_xdata()) for mark in marks] == [[0.5, 0.7], [0.6, 0.9]]
    assert {round(float(row)) for row in marks[0].get_ydata()} == {1, 2}
    assert {round(float(row)) for row in marks[1].get_ydata()} == {0, 1}
    low, high = axes.containers[0].lines[2][0].get_segments()[0][:, 0]
    assert (low, high) == pytest.approx((0.45, 0.56))
    assert axes.get_xlabel() and axes.get_xlim() == (0, 1)
