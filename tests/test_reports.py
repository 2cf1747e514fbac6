"""evaluate, compare and explore as DVC runs them, on made-up predictions."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
import yaml

from ser.corpora.emotions import EMOTIONS
from ser.corpora.ravdess import all_names, parse_name
from ser.evaluation.predictions import write_predictions
from ser.storage.files import write_table
from ser.storage.tensors import save_tensors
from stages import compare, evaluate, explore

MODELS = ("cnn", "lstm")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with every file that the three stages read: two actors, 120 clips."""
    monkeypatch.chdir(tmp_path)
    names = [parse_name(path) for path in all_names(2)]
    clips = pd.DataFrame([vars(name) | {"sex": name.sex} for name in names])
    clips["path"] = [str(path) for path in all_names(2)]
    clips["split"] = np.resize(["train", "test", "val"], len(clips))
    write_table(clips.drop(columns="split"), tmp_path / "data/clips.csv")
    write_table(clips[["clip", "split"]], tmp_path / "data/splits.csv")
    generator = np.random.default_rng(0)
    for model in MODELS:
        probabilities = generator.dirichlet(np.ones(8), size=len(clips))
        write_predictions(clips, probabilities, tmp_path / f"data/predictions/{model}.csv")
        history = {name: [0.5, 0.4] for name in ("train_loss", "val_loss", "train_accuracy", "val_accuracy")}
        write_table(pd.DataFrame({"epoch": [1, 2]} | history), tmp_path / f"plots/history/{model}.csv")
    design = {"model": ["cnn"], "corpus": "ravdess", "protocol": "stratified", "accuracy": 0.56}
    write_table(pd.DataFrame(design), tmp_path / "data/design.csv")
    sections = {"corpus": {"name": "ravdess"}, "split": {"protocol": "stratified"}}
    sections |= {"audio": {"sample_rate_hz": 16000}, "mel": {"hop_samples": 160, "n_mels": 8}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(sections), encoding="utf-8")
    return tmp_path


def run(monkeypatch, stage, *arguments):
    monkeypatch.setattr(sys, "argv", [stage.__name__, *arguments])
    stage.main()


def run_reports(monkeypatch):
    for model in MODELS:
        run(monkeypatch, evaluate, model)
    run(monkeypatch, compare, "--models", *MODELS)


def test_evaluate_scores_every_split_and_sex(project, monkeypatch):
    run(monkeypatch, evaluate, "cnn")
    metrics = json.loads((project / "metrics/cnn.json").read_text())
    groups = pd.read_csv(project / "metrics/groups/cnn.csv").set_index("group")
    table = pd.read_csv("data/predictions/cnn.csv").merge(pd.read_csv("data/clips.csv")[["clip", "sex"]])
    right = table["emotion"] == table[list(EMOTIONS)].idxmax(axis=1)
    by_split = right.groupby(table["split"]).mean()
    assert groups.loc[["train", "val", "test"], "accuracy"].tolist() == pytest.approx(
        by_split[["train", "val", "test"]].tolist(), abs=5e-5
    )
    assert [metrics[split]["accuracy"] for split in ("val", "test")] == groups.loc[["val", "test"], "accuracy"].tolist()
    women = (table["split"] == "test") & (table["sex"] == "female")
    assert groups.loc["test, female", "accuracy"] == pytest.approx(right[women].mean(), abs=5e-5)
    assert groups.loc["test, female", "clips"] + groups.loc["test, male", "clips"] == groups.loc["test", "clips"] == 40


def test_evaluate_writes_raw_confusion_rows_of_the_test_split(project, monkeypatch):
    run(monkeypatch, evaluate, "cnn")
    table = pd.read_csv("data/predictions/cnn.csv").query("split == 'test'")
    confusion = pd.read_csv(project / "plots/confusion/cnn.csv")
    assert list(confusion["actual"]) == list(table["emotion"])
    assert list(confusion["predicted"]) == list(table[list(EMOTIONS)].idxmax(axis=1))


def test_emotions_missing_from_the_test_split_give_no_nan(project, monkeypatch):
    path = project / "data/predictions/cnn.csv"
    table = pd.read_csv(path)
    table.loc[(table["split"] == "test") & ~table["emotion"].isin(["calm", "sad"]), "split"] = "train"
    write_table(table[table["split"] != "val"], path)
    run(monkeypatch, evaluate, "cnn")
    text = (project / "metrics/cnn.json").read_text()
    assert "NaN" not in text
    assert json.loads(text)["val"] == {"accuracy": None, "uar": None}
    assert list(pd.read_csv(project / "metrics/per_class/cnn.csv")["emotion"]) == ["calm", "sad"]


def test_reports_are_equal_when_written_twice(project, monkeypatch):
    def contents():
        folders = (project / "metrics", project / "plots")
        return {path: path.read_bytes() for folder in folders for path in folder.rglob("*.*")}

    run_reports(monkeypatch)
    first = contents()
    run_reports(monkeypatch)
    assert len(first) == 6 * len(MODELS) + len(MODELS) + 9  # of each model, histories, of all models
    assert contents() == first
    texts = [content for path, content in first.items() if path.suffix != ".png"]
    assert not any(str(project).encode() in text or b"\r" in text for text in texts)


def test_comparison_fits_the_terminal_and_names_the_protocol(project, monkeypatch, capsys):
    run_reports(monkeypatch)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "RAVDESS, stratified split, 40 test clips"
    assert max(map(len, lines)) <= 100
    assert len(lines) == 2 + len(MODELS)


def test_long_tables_hold_the_rows_of_every_model_in_the_order_of_the_figures(project, monkeypatch):
    run_reports(monkeypatch)
    run(monkeypatch, compare, "--models", *reversed(MODELS))
    for name in ("confusion", "roc", "roc_macro"):
        header, *rows = (project / f"plots/{name}.csv").read_text().splitlines()
        parts = {model: (project / f"plots/{name}/{model}.csv").read_text().splitlines() for model in MODELS}
        assert header == f"model,{parts['cnn'][0]}"
        assert rows == [f"{model},{row}" for model in reversed(MODELS) for row in parts[model][1:]]


def test_histories_of_other_networks_follow_those_of_the_models(project, monkeypatch):
    for name in ("extractor", "boosted"):
        write_table(pd.read_csv("plots/history/cnn.csv"), project / f"plots/history/{name}.csv")
    (project / "plots/history/.123.lstm.csv").touch()  # what a killed run leaves
    run_reports(monkeypatch)
    run(monkeypatch, compare, "--models", *reversed(MODELS))
    names = pd.read_csv(project / "plots/history.csv")["model"]
    assert list(names.unique()) == ["lstm", "cnn", "boosted", "extractor"]


def test_history_has_a_row_for_each_epoch_and_split(project, monkeypatch):
    history = {"epoch": [1, 2], "train_loss": [2.0, 1.0], "val_loss": [1.5, 1.2], "val_accuracy": [0.25, 0.5]}
    write_table(pd.DataFrame(history), project / "plots/history/lstm.csv")
    run_reports(monkeypatch)
    lines = (project / "plots/history.csv").read_text().splitlines()
    assert lines[0] == "model,epoch,split,loss,accuracy"
    assert lines[1] == "cnn,1,train,0.500000,0.500000"
    assert lines[5:] == [
        "lstm,1,train,2.000000,",
        "lstm,1,val,1.500000,0.250000",
        "lstm,2,train,1.000000,",
        "lstm,2,val,1.200000,0.500000",
    ]


def test_history_leaves_out_only_rows_without_loss_and_accuracy():
    history = pd.DataFrame({"epoch": [1, 2], "val_loss": [np.nan, np.nan], "val_accuracy": [0.5, np.nan]})
    rows = compare.by_split(history)
    assert rows[["epoch", "split", "accuracy"]].to_numpy().tolist() == [[1, "val", 0.5]]
    assert rows["loss"].isna().all()


def test_comparison_has_the_scores_of_the_test_split(project, monkeypatch):
    for model in MODELS:
        run(monkeypatch, evaluate, model)
    metrics = {model: json.loads((project / f"metrics/{model}.json").read_text())["test"] for model in MODELS}
    for model in MODELS:
        (project / f"metrics/{model}.json").unlink()  # the tables of groups are enough
    run(monkeypatch, compare, "--models", *MODELS)
    comparison = pd.read_csv(project / "metrics/comparison.csv").set_index("model")
    assert list(comparison.columns) == [*compare.SCORES, "design_accuracy", "difference"]
    for model in MODELS:
        assert comparison.loc[model, list(metrics[model])].to_dict() == metrics[model]
        groups = pd.read_csv(project / f"metrics/groups/{model}.csv").set_index("group")
        assert (comparison.loc[model, list(compare.SCORES)] == groups.loc["test", list(compare.SCORES)]).all()


def test_model_whose_test_clips_have_one_emotion_is_compared_without_roc(project, monkeypatch):
    path = project / "data/predictions/cnn.csv"
    table = pd.read_csv(path)
    table.loc[(table["split"] == "test") & (table["emotion"] != "sad"), "split"] = "train"
    write_table(table, path)
    run_reports(monkeypatch)
    assert np.isnan(pd.read_csv(project / "metrics/comparison.csv").set_index("model").loc["cnn", "roc_auc"])
    rows = (project / "plots/roc/lstm.csv").read_text().splitlines()[1:]
    assert (project / "plots/roc.csv").read_text().splitlines()[1:] == [f"lstm,{row}" for row in rows]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda groups: groups.drop(columns="macro_f1"), r"lacks the columns \['macro_f1'\]"),
        (lambda groups: groups[groups["group"] != "test"], "has no group 'test', only .*'test, male'"),
    ],
)
def test_compare_refuses_groups_without_the_scores_of_the_test_split(project, monkeypatch, change, message):
    run_reports(monkeypatch)
    path = Path("metrics/groups/lstm.csv")
    write_table(change(pd.read_csv(path)), path)
    with pytest.raises(SystemExit, match=f"^compare: {path}: {message}"):
        run(monkeypatch, compare, "--models", *MODELS)


def test_compare_refuses_to_draw_no_history(project, monkeypatch):
    run_reports(monkeypatch)
    for path in (project / "plots/history").iterdir():
        path.unlink()
    with pytest.raises(SystemExit, match=r"^compare: plots/history: has no histories; run `dvc repro`"):
        run(monkeypatch, compare, "--models", *MODELS)


def test_design_stands_only_beside_its_own_corpus_and_protocol():
    tests = {model: dict.fromkeys(compare.SCORES, 0.6) for model in MODELS}
    design = pd.DataFrame({"model": ["cnn"], "corpus": "ravdess", "protocol": "stratified", "accuracy": 0.56})
    ours = compare.beside_design(tests, design, "ravdess", "stratified").set_index("model")
    assert ours.loc["cnn", "difference"] == pytest.approx(0.04)
    assert np.isnan(ours.loc["lstm", "design_accuracy"])
    for other in (("synthetic", "stratified"), ("ravdess", "speaker_independent")):
        assert compare.beside_design(tests, design, *other)["design_accuracy"].isna().all()


def test_committed_design_names_the_models_of_the_pipeline():
    design = pd.read_csv(Path(__file__).parents[1] / "data/design.csv")
    assert list(design["model"]) == ["cnn", "lstm", "hybrid"]
    assert list(design.columns) == ["model", "corpus", "protocol", "accuracy"]


def test_explore_draws_the_corpus(project, monkeypatch):
    clips = pd.read_csv("data/clips.csv")
    features = torch.randn(len(clips), 1, 8, 301, generator=torch.Generator().manual_seed(0))
    save_tensors({"clips": clips["clip"].tolist(), "features": features}, project / "data/features/mel.pt")
    example = explore.first_test_clip(clips, pd.read_csv("data/splits.csv"))
    assert list(explore.like(clips, example)["emotion"]) == list(EMOTIONS)
    audio = project / "data/raw" / example["path"]
    audio.parent.mkdir(parents=True)
    soundfile.write(audio, np.zeros((4800, 2)), 48000)
    run(monkeypatch, explore)
    names = ["emotions_by_sex.png", "mel_by_emotion.png", "sex.png", "waveform_and_mel.png"]
    assert sorted(path.name for path in (project / "plots/corpus").iterdir()) == names


@pytest.mark.parametrize(
    ("stage", "arguments", "message"),
    [
        (evaluate, ["other"], "evaluate: .*data/predictions/other.csv"),
        (compare, ["--models", "cnn"], "compare: .*metrics/groups/cnn.csv"),
        (explore, [], "explore: .*data/features/mel.pt"),
    ],
)
def test_missing_input_ends_with_its_name(project, monkeypatch, stage, arguments, message):
    with pytest.raises(SystemExit, match=message):
        run(monkeypatch, stage, *arguments)


def test_evaluate_refuses_clips_of_unknown_sex(project, monkeypatch):
    clips = pd.read_csv("data/clips.csv")
    write_table(clips.iloc[2:], project / "data/clips.csv")
    with pytest.raises(SystemExit, match="no sex for 2 of the predicted clips, first 03-01-01-01-01-01-01"):
        run(monkeypatch, evaluate, "cnn")


def test_evaluate_refuses_predictions_without_test_clips(project, monkeypatch):
    table = pd.read_csv("data/predictions/cnn.csv")
    write_table(table[table["split"] != "test"], project / "data/predictions/cnn.csv")
    with pytest.raises(SystemExit, match="no clips in the split test"):
        run(monkeypatch, evaluate, "cnn")
