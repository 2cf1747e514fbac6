"""Figures: the same bytes twice, axes that mean what they say, and templates that know the emotions."""

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
import torchaudio
import vl_convert

from scripts.demo import ROOT
from scripts.report.plots import VEGA_LITE
from ser.corpora.emotions import EMOTIONS
from ser.evaluation import corpus_plots, plotting

TEMPLATES = ROOT / ".dvc/plots"
MEL_AXES = corpus_plots.MelAxes(sample_rate_hz=16000, hop_samples=160, n_mels=80)


def confusion():
    rows = pd.DataFrame({"actual": ["calm", "calm", "sad"], "predicted": ["calm", "sad", "sad"]})
    return plotting.draw_confusion({"cnn": rows, "hybrid": rows}, "two clips")


def learning_curves():
    history = pd.DataFrame({"epoch": [1, 2], "train_loss": [2.0, 1.0], "val_loss": [2.0, 1.5]})
    history = history.assign(train_accuracy=[0.2, 0.5], val_accuracy=[0.2, 0.4])
    return plotting.draw_learning_curves({"cnn": history, "lstm": history}, "RAVDESS")


def accuracy(design=0.56):
    table = {"model": ["cnn"], "accuracy": [0.5], "accuracy_low": [0.4], "accuracy_high": [0.6]}
    return plotting.draw_accuracy(pd.DataFrame(table).assign(design_accuracy=design), "216 clips")


def macro_roc():
    curve = pd.DataFrame({"fpr": [0, 0, 1], "tpr": [0, 1, 1]})
    return plotting.draw_macro_roc({"cnn": curve, "new": curve}, {"cnn": 1.0, "new": None}, "216 clips")


def clips():
    return pd.DataFrame({"emotion": ["sad", "calm", "sad"], "sex": ["male", "male", "female"], "actor": [1, 1, 2]})


def emotions_by_sex():
    return corpus_plots.draw_emotions_by_sex(clips())


def sexes():
    return corpus_plots.draw_sexes(clips())


def waveform_and_mel():
    wave, mel = np.sin(np.arange(52800) / 50), np.random.default_rng(0).normal(size=(80, 301))
    return corpus_plots.draw_waveform_and_mel(wave, 16000, mel, MEL_AXES, "a clip")


def mel_by_emotion():
    mel = np.random.default_rng(0).normal(size=(80, 301))
    return corpus_plots.draw_mel_by_emotion({"sad": mel, "calm": mel + 1}, MEL_AXES, "two of eight")


FIGURES = [confusion, learning_curves, accuracy, macro_roc, emotions_by_sex, sexes, waveform_and_mel, mel_by_emotion]


@pytest.mark.parametrize("draw", FIGURES)
def test_image_is_equal_when_drawn_twice(draw, tmp_path):
    plotting.save_figure(draw(), tmp_path / "first.png")
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "red"}):  # a user's own settings change nothing
        plotting.save_figure(draw(), tmp_path / "second.png")
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()


@pytest.mark.parametrize("draw", FIGURES)
def test_figure_has_titles_labels_and_print_sizes(draw):
    figure = draw()
    shown = [axes for axes in figure.axes if axes.has_data()]
    titles = [figure.get_suptitle(), *(axes.get_title() for axes in shown)]
    x_labels = [figure.get_supxlabel(), *(axes.get_xlabel() for axes in shown)]
    y_labels = [figure.get_supylabel(), *(axes.get_ylabel() for axes in shown)]
    assert any(titles)
    assert any(x_labels)
    assert any(y_labels)
    texts = figure.findobj(matplotlib.text.Text)
    assert min(text.get_fontsize() for text in texts if text.get_text()) >= 8
    assert figure.get_figwidth() <= plotting.WIDTH_IN


def test_confusion_counts_stand_in_rows_of_the_actual_emotion():
    axes = confusion().axes[0]
    counts = {text.get_position(): text.get_text() for text in axes.texts}
    calm, sad = EMOTIONS.index("calm"), EMOTIONS.index("sad")
    assert counts == {(calm, calm): "1", (sad, calm): "1", (sad, sad): "1"}
    assert axes.images[0].get_array()[calm, sad] == 0.5


def test_design_is_left_out_where_it_has_no_figure():
    assert len(accuracy().legends[0].texts) == 2
    assert len(accuracy(design=np.nan).legends[0].texts) == 1


def test_bands_lie_where_torchaudio_puts_them():
    filters = torchaudio.functional.melscale_fbanks(4001, 0.0, 8000.0, 80, 16000)
    peaks_hz = filters.argmax(dim=0) * 2.0
    assert [MEL_AXES.band(float(peak)) for peak in peaks_hz] == pytest.approx(range(80), abs=0.1)
    assert MEL_AXES.band(8000) == pytest.approx(80)


def test_frames_are_hops_apart():
    assert MEL_AXES.frame_s(300) == pytest.approx(3.0)


@pytest.mark.parametrize("name", ["confusion_by_model", "roc_by_model"])
def test_template_lists_the_emotions_in_order(name):
    domains = []

    def collect(node):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            if key == "domain" and isinstance(value[0], str):
                domains.append(value)
            elif isinstance(value, dict | list):
                collect(value)

    collect(json.loads((TEMPLATES / f"{name}.json").read_text(encoding="utf-8")))
    assert domains == [list(EMOTIONS)] * 2


@pytest.mark.parametrize("vega_lite", ["5.8", VEGA_LITE])
@pytest.mark.parametrize(("base", "head"), [("new", "old"), ("old", "new")])
def test_model_that_one_revision_lacks_leaves_the_others_in_their_columns(base, head, vega_lite):
    """Without care, Vega-Lite puts the empty panel first: each model would stand under the next one's name."""
    clips = {(base, "b"): 3, (head, "b"): 4, (head, "a"): 5, (head, "c"): 6}
    rows = [
        {"rev": rev, "model": name, "actual": "sad", "predicted": "sad"}
        for (rev, name), count in clips.items()
        for _ in range(count)
    ]
    places = text_places(drawn(filled("confusion_by_model", rows, x="predicted", y="actual"), vega_lite))
    left_to_right = sorted((places[name][0], name) for name in "abc")
    assert [name for _, name in left_to_right] == ["b", "a", "c"]  # in the order of the data
    for (rev, name), count in clips.items():
        x, y = places[str(count)]
        assert min("abc", key=lambda other: abs(places[other][0] - x)) == name
        assert min((base, head), key=lambda other: abs(places[other][1] - y)) == rev


@pytest.mark.parametrize("vega_lite", ["5.8", VEGA_LITE])
@pytest.mark.parametrize("name", ["coverage", "reliability"])
def test_models_of_one_table_are_drawn_apart(name, vega_lite):
    """DVC's own templates would join the points of all models to one line."""
    rows = [
        {"rev": rev, "model": model, "x": x, "y": x**2, "clips": 8}
        for rev in ("old", "new")
        for model in ("cnn", "lstm", "hybrid")
        for x in (0.2, 0.5, 0.9)
    ]
    svg = drawn(
        filled(f"{name}_by_model", rows, x="x", y="y", folder=ROOT / "studies/comparison/.dvc/plots"), vega_lite
    )
    assert text_places(svg).keys() >= {"cnn", "lstm", "hybrid", "old", "new"}
    assert corners(svg) == [2] * 6


@pytest.mark.parametrize("vega_lite", ["5.8", VEGA_LITE])
@pytest.mark.parametrize(
    ("name", "column", "values"),
    [
        ("roc_macro", "emotion", ["all"]),
        ("roc_by_model", "emotion", ["calm", "sad"]),
        ("learning_curves", "split", ["train", "val"]),
    ],
)
def test_each_model_of_a_long_table_has_its_own_lines_in_each_revision(name, column, values, vega_lite):
    rows = [
        {"rev": rev, "model": model, column: value, "x": str(x), "y": str(x**2)}
        for rev in ("old", "new")
        for model in ("cnn", "lstm", "hybrid")
        for value in values
        for x in (0.2, 0.5, 0.9)
    ]
    svg = drawn(filled(name, rows, x="x", y="y"), vega_lite)
    assert text_places(svg).keys() >= {"cnn", "lstm", "hybrid", "old", "new"}
    assert corners(svg) == [2] * 6 * len(values)


@pytest.mark.parametrize("vega_lite", ["5.8", VEGA_LITE])
@pytest.mark.parametrize("missing", ["", None])
def test_learning_curve_without_values_is_not_drawn_at_zero(missing, vega_lite):
    """DVC reads what a CSV lacks as empty text."""
    rows = [
        {"rev": "old", "model": "compact", "split": split, "x": x, "y": missing if split == "train" else "0.5"}
        for x in ("1", "2", "3")
        for split in ("train", "val")
    ]
    assert corners(drawn(filled("learning_curves", rows, x="x", y="y"), vega_lite)) == [2]


def filled(name: str, rows: list[dict[str, str]], x: str, y: str, folder: Path = TEMPLATES) -> dict:
    """Fill in a template as DVC does."""
    text = (folder / f"{name}.json").read_text(encoding="utf-8")
    for anchor, value in {"X_LABEL": "", "Y_LABEL": "", "X": x, "Y": y, "TITLE": "title"}.items():
        text = text.replace(f"<DVC_METRIC_{anchor}>", value)
    return json.loads(text.replace('"<DVC_METRIC_DATA>"', json.dumps(rows)))


def drawn(spec: dict, vega_lite: str) -> ET.Element:
    """Draw a specification as SVG."""
    return ET.fromstring(vl_convert.vegalite_to_svg(spec, vl_version=vega_lite))


def corners(svg: ET.Element) -> list[int]:
    """Count the points of each line after its first."""
    lines = [path for path in svg.iter() if path.get("aria-roledescription") == "line mark"]
    return [path.get("d").count("L") for path in lines]


def text_places(svg: ET.Element) -> dict[str, tuple[float, float]]:
    """Return where each text of the marks and headers is."""
    places = {}

    def walk(element: ET.Element, x: float, y: float) -> None:
        shift = re.match(r"translate\(([-\d.]+),([-\d.]+)\)", element.get("transform", ""))
        x, y = (x + float(shift[1]), y + float(shift[2])) if shift else (x, y)
        if element.tag.endswith("text"):
            places["".join(element.itertext())] = (x, y)
        for child in element:
            walk(child, x, y)

    walk(svg, 0, 0)
    return places
