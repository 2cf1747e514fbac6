"""Hyperparameter search: what is drawn, what a trial sees and costs, what a study survives, and what it proposes."""

import dataclasses
import functools
import json
import os
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml
from optuna.trial import TrialState

from scripts.children import dvc
from scripts.projects import ROOT
from ser.corpora.protocols import FoldSettings, assign_folds
from ser.corpora.ravdess import all_names, parse_name
from ser.data.tables import labels_of
from ser.evaluation.plotting import save_figure
from ser.storage.dotted import override
from ser.storage.params import ParamsError, read_params
from ser.storage.tensors import save_tensors
from ser.storage.yaml12 import parse_yaml, read_yaml
from studies.tuning import __main__ as command
from studies.tuning.figures import draw_history, draw_importances
from studies.tuning.models import MODELS, Model, before_trials, origin_of, plan, score
from studies.tuning.outcome import measure_importances, summarise, tabulate
from studies.tuning.proposal import propose, replace_values, show_difference
from studies.tuning.search import FINISHED, Search, SearchSettings, check_origin, run
from studies.tuning.space import decode, encode, parse, read_space
from tests.repositories import commit, git

SETTINGS = SearchSettings((1, 2, 3), seed=1, threads=1, sampler_seed=0, startup_trials=3, kept_percent=50.0)
SPACE = {
    "rate": parse({"low": 0.001, "high": 0.1, "log": True}),
    "depth": parse({"low": 1, "high": 8}),
    "front": parse({"choices": [[4, 8], [8, 16], [16]]}),
}
PRESENT = {"rate": 0.01, "depth": 2, "front": [4, 8]}
HARD_FOLD = 3


def bowl(number: int, values: dict) -> float:
    """The deeper the better; the last fold is hard for all."""
    return 0.5 + 0.02 * values["depth"] - values["rate"] - (0.3 if number == HARD_FOLD else 0.0)


def search_of(folder: Path, scored=bowl, origin=None, **changes) -> Search:
    settings = dataclasses.replace(SETTINGS, **changes)
    return Search(
        folder / "m.db", settings, SPACE, PRESENT, scored, functools.partial(dict, origin or {"epochs": 60}), bool
    )


def drawn(study, space=SPACE) -> list[dict]:
    return [decode(trial.params, space) for trial in study.get_trials(states=FINISHED)]


def test_the_first_trial_has_the_present_values_and_the_total_is_kept(tmp_path):
    study = run(search_of(tmp_path), 7)
    assert drawn(study)[0] == PRESENT
    assert len(study.get_trials(states=FINISHED)) == len(study.trials) == 7
    assert study.trials[0].value == pytest.approx((0.53 * 3 - 0.3) / 3)


def test_a_bad_trial_costs_one_fold_and_the_baseline_none(tmp_path):
    calls = []

    def counted(number, values):
        calls.append((number, values))
        return bowl(number, values)

    study = run(search_of(tmp_path, counted), 25)
    pruned, whole = (study.get_trials(states=(state,)) for state in (TrialState.PRUNED, TrialState.COMPLETE))
    assert len(pruned) > 3
    assert all(list(trial.intermediate_values) == [1] for trial in pruned)
    assert len(calls) == 3 * len(whole) + len(pruned)
    best = max(whole, key=lambda trial: trial.value)
    assert decode(best.params, SPACE)["depth"] >= 7
    assert study.trials[0].state == TrialState.COMPLETE


def test_a_trial_that_gets_worse_is_stopped_though_it_began_well(tmp_path):
    def fading(number, values):  # as good as the others on the first fold, and worse from then on
        return 0.5 if number == 1 or values == PRESENT or values["rate"] < 0.01 else 0.1

    study = run(search_of(tmp_path, fading, kept_percent=99.0, startup_trials=1), 15)
    stopped = study.get_trials(states=(TrialState.PRUNED,))
    assert stopped
    assert {len(trial.intermediate_values) for trial in stopped} == {2}


def test_trials_go_on_as_if_there_had_been_no_break(tmp_path):
    once = run(search_of(tmp_path / "once"), 9)
    run(search_of(tmp_path / "twice"), 4)
    twice = run(search_of(tmp_path / "twice"), 9)
    assert drawn(once) == drawn(twice)
    assert len({json.dumps(values) for values in drawn(once)}) == 9
    assert [trial.value for trial in once.trials] == [trial.value for trial in twice.trials]
    assert run(search_of(tmp_path / "twice"), 5).trials == twice.trials


def test_an_interrupted_trial_is_put_back_with_the_folds_that_it_had_finished(tmp_path):
    calls = []

    def ended(number, values):
        calls.append(number)
        if len(calls) == 8:  # the third trial's second fold
            raise KeyboardInterrupt
        return bowl(number, values)

    with pytest.raises(KeyboardInterrupt):
        run(search_of(tmp_path, ended), 6)
    study = run(search_of(tmp_path, ended), 6)
    assert calls[6:10] == [1, 2, 2, 3]
    assert [trial.state for trial in study.trials[:4]].count(TrialState.FAIL) == 1
    assert study.trials[2].params == study.trials[3].params
    assert drawn(study) == drawn(run(search_of(tmp_path / "other"), 6))


def noting_process(number: int, values: dict) -> float:
    """`bowl`, with a file that says which process scored."""
    with Path(os.environ["TUNING_NOTES"]).open("a", encoding="utf-8") as notes:
        notes.write(f"{os.getpid()}\n")
    return bowl(number, values)


def test_workers_share_a_study_and_its_total(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNING_NOTES", str(tmp_path / "notes"))
    monkeypatch.setenv("TQDM_DISABLE", "1")
    study = run(search_of(tmp_path, noting_process), 8, workers=2)
    assert [trial.number for trial in study.trials] == list(range(8))
    assert {trial.state for trial in study.trials} <= set(FINISHED)
    workers = set((tmp_path / "notes").read_text().split())
    assert len(workers) == 2
    assert str(os.getpid()) not in workers


def test_a_second_search_of_a_study_is_refused(tmp_path):
    def nested(number, values):
        with pytest.raises(ValueError, match=r"m\.db: another search runs on it"):
            run(search_of(tmp_path), 3)
        return bowl(number, values)

    run(search_of(tmp_path, nested), 1)


def test_trials_of_other_settings_are_not_mixed(tmp_path):
    run(search_of(tmp_path), 2)
    changed = search_of(tmp_path, origin={"epochs": 30, "width": 96})
    with pytest.raises(
        ValueError, match=r"cannot be compared.*\n  epochs: 60 then, 30 now\n  width: not there then, 96"
    ):
        run(changed, 4)
    assert len(run(search_of(tmp_path), 2).trials) == 2


def test_impossible_values_are_refused_and_impossible_beginnings_are_errors(tmp_path):
    def picky(number, values):
        if values["front"] == [16]:
            raise ValueError("front is (16,); allowed: two")
        return bowl(number, values)

    study = run(search_of(tmp_path, picky), 9)
    refused = [trial for trial in study.trials if decode(trial.params, SPACE)["front"] == [16]]
    assert refused
    assert {(trial.state, trial.user_attrs["refused"]) for trial in refused} == {
        (TrialState.PRUNED, "front is (16,); allowed: two")
    }

    def broken(number, values):
        raise ValueError("logmel.pt: lacks 3 clips")

    with pytest.raises(ValueError, match="lacks 3 clips"):
        run(search_of(tmp_path / "broken", broken), 2)
    study = run(search_of(tmp_path / "broken"), 2)
    assert drawn(study)[0] == PRESENT


# What can be drawn


def possible(changes: dict) -> None:
    if changes.get("dropout", 0) >= 1:
        raise ParamsError(f"dropout is {changes['dropout']}; allowed: 0 to below 1")


def test_every_fault_of_a_space_is_named_at_once():
    values = {"rate": 0.5, "dropout": 0.3, "network": {"width": 96}, "kernel": 3, "exact": 0.12345}
    specs = {
        "rte": {"low": 0.1, "high": 1.0},
        "rate": {"low": 0.001, "high": 0.1},
        "dropout": {"low": 0.1, "high": 1.5},
        "network.width": {"choices": [64, 128]},
        "network": {"choices": [64, 128]},
        "kernel": {"low": 5, "hgh": 3},
        "exact": {"low": 0.0, "high": 1.0},
    }
    with pytest.raises(ParamsError) as error:
        read_space(specs, values, possible)
    for line in (
        "rte: unknown; expected one of ['dropout', 'exact', 'kernel', 'network.width', 'rate']",
        "rate: the present value 0.5 cannot be drawn from {'low': 0.001, 'high': 0.1}; widen it",
        "dropout: dropout is 1.5; allowed: 0 to below 1",
        "network.width: the present value 96 cannot be drawn from {'choices': [64, 128]}; widen it",
        "network: unknown",
        "kernel: expected {low, high}",
        "found {'low': 5, 'hgh': 3}",
        "exact: the present value 0.12345 cannot",
    ):
        assert line in str(error.value)


@pytest.mark.parametrize(
    "spec",
    [
        3,
        {},
        {"low": 1},
        {"choices": [1]},
        {"low": "1e-3", "high": 1.0},
        {"low": 2, "high": 1},
        {"low": True, "high": 3},
        {"low": 0.0, "high": 1.0, "log": True},
        {"low": 1, "high": 2, "choices": [1, 2]},
    ],
)
def test_what_is_no_range_is_refused(spec):
    with pytest.raises(ParamsError, match="x: "):
        read_space({"x": spec}, {"x": 1}, possible)


def test_values_come_back_as_params_are_written():
    assert decode(encode(PRESENT, SPACE), SPACE) == PRESENT
    assert decode({"rate": 0.0123456, "depth": 3, "front": "[16]"}, SPACE) == {
        "rate": 0.0123,
        "depth": 3,
        "front": [16],
    }


@pytest.mark.parametrize("name", MODELS)
def test_committed_spaces_fit_the_committed_params(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    search = plan(name)
    assert search.space.keys() == read_params(Path("studies/tuning/params.yaml"), "spaces")[name].keys()
    assert decode(encode(search.present, search.space), search.space) == search.present


def test_every_space_belongs_to_a_model():
    assert read_params(ROOT / "studies/tuning/params.yaml", "spaces").keys() == MODELS.keys()


def test_an_unknown_model_is_named():
    with pytest.raises(ValueError, match=r"no model 'cnm'; expected one of \['cnn', 'compact', "):
        plan("cnm")


# What a trial sees

TINY = {
    "train_cnn.epochs": 1,
    "train_cnn.network.channels": [2, 2],
    "train_cnn.network.hidden": 4,
    "train_lstm.epochs": 1,
    "train_lstm.network.hidden": 4,
    "train_extractor.epochs": 1,
    "train_extractor.network.channels": [2, 2],
    "train_extractor.network.kernels": [3, 3],
    "train_extractor.network.lstm_hidden": 4,
    "train_lgbm.estimators": 3,
    "train_compact.schedule.epochs": 1,
    "train_compact.network.front": [2, 2],
    "train_compact.network.width": 8,
    "train_compact.network.lstm_hidden": 4,
}
CHANGE = {"compact": "schedule.batch_size", "lgbm": "leaves", "whisper_lgbm": "leaves"}


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """Clips, folds and params as working directory, with features of the clips of fold 1 that no test looks at."""
    monkeypatch.chdir(tmp_path)
    names = [parse_name(path) for path in all_names()]
    clips = pd.DataFrame([vars(name) | {"sex": name.sex} for name in names]).assign(duplicate_of=None)
    folds = assign_folds(clips, "luna", FoldSettings(4, 1, 0.15, 0.15, 42))
    for folder in ("data/features", "studies/crossval/folds", "studies/encoders/embeddings"):
        Path(folder).mkdir(parents=True)
    clips.to_csv("data/clips.csv", index=False)
    folds.to_csv("studies/crossval/folds/luna.csv", index=False)
    params = override(read_yaml(ROOT / "params.yaml"), TINY)
    Path("params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    for file in ("studies/crossval/params.yaml", "studies/encoders/params.yaml"):
        Path(file).write_text((ROOT / file).read_text().replace("estimators: 300", "estimators: 3"))
    known = list(folds.loc[folds["1"] != "test", "clip"])
    save_features(known)
    return tmp_path


def save_features(known: list[str]) -> None:
    generator = torch.Generator().manual_seed(0)
    random = functools.partial(torch.randn, generator=generator)
    save_tensors({"clips": known, "features": random(len(known), 1, 8, 8)}, Path("data/features/mel.pt"))
    save_tensors({"clips": known, "features": random(len(known), 8, 6)}, Path("data/features/mfcc.pt"))
    lengths = torch.full((len(known),), 9)
    content = {"clips": known, "frames": random(9 * len(known), 12), "lengths": lengths}
    save_tensors(content, Path("data/features/logmel.pt"))
    for name in ("original", "slower", "faster"):
        content = {"clips": known, "embeddings": random(len(known), 2, 2, 3)}
        save_tensors(content, Path(f"studies/encoders/embeddings/whisper/{name}.pt"))


@pytest.mark.parametrize("name", MODELS)
def test_a_trial_trains_without_the_clips_of_the_test_split(name, project):
    settings = dataclasses.replace(SETTINGS, folds=(1,))
    model = MODELS[name]
    before_trials(model, settings)
    changes = {CHANGE.get(name, "batch_size"): 64}
    first, second = (score(model, settings, 1, changes) for _ in range(2))
    assert 0 <= first == second <= 1
    with pytest.raises(ValueError, match=r"lacks \d+ clips"):  # another fold trains with clips that this one tests
        before_trials(model, dataclasses.replace(settings, folds=(2,)))
        score(model, settings, 2, changes)


def test_a_trial_is_scored_on_validation_clips_alone(project):
    def right_on_val(fold, changes):
        assert set(fold.clips["split"]) == {"train", "val"}
        guess = torch.tensor(labels_of(fold.clips).tolist())
        guess[torch.from_numpy((fold.clips["split"] == "train").to_numpy())] = 0
        return torch.nn.functional.one_hot(guess, 8).float()

    model = dataclasses.replace(MODELS["cnn"], logits=right_on_val)
    assert score(model, SETTINGS, 1, {}) == 1.0


def test_changes_reach_the_training_and_impossible_ones_are_named(project):
    settings = dataclasses.replace(SETTINGS, folds=(1,))
    with pytest.raises(ParamsError, match=r"train_cnn\.network\.dropout is 1\.5; allowed"):
        score(MODELS["cnn"], settings, 1, {"network.dropout": 1.5})


def test_what_trials_have_in_common_names_settings_data_and_space_but_not_what_is_tuned(project):
    specs = {"leaves": {"low": 2, "high": 63}}
    settings = dataclasses.replace(SETTINGS, folds=(1, 2))
    before = origin_of(MODELS["lgbm"], settings, specs)
    names = {"train_extractor.epochs", "train_lgbm.l1", "spaces.leaves", "clips of fold 2", "data/features/mel.pt"}
    assert names <= before.keys()
    assert not {"train_lgbm.leaves", "train_lgbm.seed", "train_lgbm.threads"} & before.keys()
    propose(Path("params.yaml"), "train_lgbm", {"leaves": 5})
    assert origin_of(MODELS["lgbm"], settings, specs) == before
    propose(Path("params.yaml"), "train_lgbm", {"l1": 0.5})
    assert origin_of(MODELS["lgbm"], settings, specs) != before


# What comes of it

PARAMS = """\
# Numbers
train_m:                    # of a model
  rate: 0.01                # a share
  depth: 2   # layers

  network: {front: [4, 8], kernel: 3}  # in one line
other:
  depth: 2                  # another one
"""


def test_a_proposal_changes_the_values_and_leaves_the_rest():
    changes = {"train_m.rate": 0.00123, "train_m.depth": 10, "train_m.network.front": [16]}
    assert replace_values(PARAMS, changes) == (
        PARAMS.replace("rate: 0.01   ", "rate: 0.00123")
        .replace("depth: 2   # layers", "depth: 10  # layers")
        .replace("[4, 8], kernel: 3}  #", "[16], kernel: 3}  #")
    )
    assert replace_values(PARAMS, {}) == PARAMS


@pytest.mark.parametrize("value", [1e-05, 0.1, 7, True, "none", "per_band", [1, 2, 4], "a: b # c"])
def test_a_proposed_value_is_read_back_as_what_it_is(value):
    text = replace_values(PARAMS, {"train_m.depth": value})
    read = parse_yaml(text, "text")["train_m"]["depth"]
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize("file", ["params.yaml", "studies/encoders/params.yaml"])
def test_the_committed_params_can_be_proposed_to(file):
    text = (ROOT / file).read_text()
    changed = replace_values(text, {"train_lgbm.leaves": 12345}).splitlines()
    assert [line for line in changed if line not in text.splitlines()] == ["  leaves: 12345"]


def finished(search: Search, trials: int) -> tuple:
    study = run(search, trials)
    return study, search, tabulate(study, search)


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> tuple:
    """A study of twenty trials, its search and its table."""
    return finished(search_of(tmp_path_factory.mktemp("done")), 20)


def test_the_table_has_a_row_a_trial_and_gains_on_the_same_folds(done):
    *_, table = done
    assert table["number"].tolist() == list(range(20))
    assert table.columns[:8].tolist() == ["number", "state", "baseline", "uar", "gain", "fold_1", "fold_2", "fold_3"]
    assert table["baseline"].tolist() == [True] + [False] * 19
    pruned = table[table["state"] == "pruned"].iloc[0]
    assert pruned["gain"] == pytest.approx(pruned["fold_1"] - table["fold_1"][0])
    assert pruned[["fold_2", "fold_3"]].isna().all()
    assert json.loads(table["front"][0]) == [4, 8]


def test_the_best_trial_is_summarised_with_its_gain(done):
    _, search, table = done
    best = summarise(table, search)
    row = table.set_index("number").loc[best["trial"]]
    assert best["gain"] == pytest.approx(row["uar"] - table["uar"][0]) and best["gain"] > 0
    assert best["gain_left_out"] == pytest.approx(best["gain"])  # the folds agree
    assert best["values"] == {key: json.loads(row[key]) for key in SPACE}
    assert best["trials"]["complete"] + best["trials"]["pruned"] == 20


def test_a_gain_by_chance_is_not_one_on_the_folds_left_out(tmp_path):
    def chance(number, values):
        return 0.6 if values["depth"] % 3 == number % 3 and values != PRESENT else 0.4

    _, search, table = finished(search_of(tmp_path, chance, kept_percent=100.0), 12)
    best = summarise(table, search)
    assert best["gain"] == pytest.approx(0.2 / 3)
    assert best["gain_left_out"] == pytest.approx(0)


def test_the_present_values_win_a_tie(tmp_path):
    _, search, table = finished(search_of(tmp_path, lambda number, values: 0.5), 6)
    assert summarise(table, search)["baseline"]


def test_importances_name_what_mattered(done, tmp_path):
    importances = measure_importances(done[0])
    assert sum(importances.values()) == pytest.approx(1)
    assert max(importances, key=importances.get) == "depth"
    assert measure_importances(run(search_of(tmp_path), 3)) == {}


def test_figures_are_drawn_with_named_axes(done, tmp_path):
    study, _, table = done
    figures = [draw_history(table, "Search of m"), draw_importances(measure_importances(study), "m")]
    for figure in figures:
        save_figure(figure, tmp_path / "figure.png")
        assert (tmp_path / "figure.png").stat().st_size > 5000
    history, importances = (figure.axes[0] for figure in figures)
    assert history.get_xlabel() == "trial" and "UAR" in history.get_ylabel()
    assert "importance" in importances.get_xlabel()
    assert {tick.get_text() for tick in importances.get_yticklabels()} == SPACE.keys()


@pytest.fixture
def proposing(tmp_path, monkeypatch) -> Search:
    """A search whose params are `PARAMS`, in a folder of its own as working directory."""
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(PARAMS.replace("network: {front: [4, 8], kernel: 3}  # in", "front: [4, 8]  # in"))
    model = Model(Path("params.yaml"), "train_m", (), list, possible, bowl)
    monkeypatch.setitem(command.MODELS, "m", model)
    monkeypatch.setattr(command, "show_difference", lambda path: f"difference of {path}")
    return search_of(tmp_path)


def test_a_search_leaves_its_trials_figures_and_proposal(proposing):
    best = command.report("m", proposing, 12, 1)
    folder = Path("studies/tuning/results/m")
    assert sorted(path.name for path in folder.iterdir()) == [
        "best.json",
        "history.png",
        "importances.png",
        "trials.csv",
    ]
    assert len(pd.read_csv(folder / "trials.csv")) == 12
    before = Path("params.yaml").read_text()
    assert "would get {'rate':" in command.conclude("m", proposing, best, dry_run=True)
    assert Path("params.yaml").read_text() == before
    said = command.conclude("m", proposing, best, dry_run=False)
    assert said.endswith("difference of params.yaml")
    assert f"best trial {best['trial']}, UAR {best['uar']:.4f} on validation speakers, +0." in said
    proposed = read_params(Path("params.yaml"), "train_m")
    assert proposed == best["values"]
    assert read_params(Path("params.yaml"), "other") == {"depth": 2}
    again = dataclasses.replace(proposing, present=proposed)
    assert "stays as it is" in command.conclude("m", again, best, dry_run=False)


def test_where_nothing_is_better_the_params_stay(proposing):
    constant = dataclasses.replace(proposing, score=lambda number, values: 0.5)
    before = Path("params.yaml").read_text()
    best = command.report("m", constant, 6, 1)
    assert "+0.0000 on the values at the start. params.yaml stays as it is." in command.conclude(
        "m", constant, best, dry_run=False
    )
    assert Path("params.yaml").read_text() == before


def test_a_study_names_the_settings_that_changed_before_each_trial(tmp_path):
    study = run(search_of(tmp_path), 1)
    with pytest.raises(ValueError, match="epochs: 60 then, 61 now"):
        check_origin(study, search_of(tmp_path, origin={"epochs": 61}))


def test_the_difference_is_dvcs(tmp_path):
    (tmp_path / "params.yaml").write_text(PARAMS)
    (tmp_path / "dvc.yaml").write_text("stages: {s: {cmd: 'true', params: [train_m]}}")
    git(tmp_path, "init")
    dvc(tmp_path, "init", "--quiet")
    commit(tmp_path)
    propose(tmp_path / "params.yaml", "train_m", {"depth": 5})
    assert ["params.yaml", "train_m.depth", "2", "5"] in [
        line.split() for line in show_difference(tmp_path / "params.yaml").splitlines()
    ]
