"""The contract between branches: what a file must hold, what the audio branch hands over, how branches are joined."""

import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from jsonschema import Draft202012Validator
from scipy.special import log_softmax

from fusion import contract, export, fuse_branches, simulate
from fusion.branches import make_table, read_about, read_branch, read_column, require_contract, write_branch
from fusion.contract import ABOUT, ABOUT_KEY, COLUMNS, LISTS, VERSION, json_schema, may_be_null
from scripts.demo import ROOT
from ser.corpora.emotions import EMOTION_INDEX, EMOTIONS
from ser.corpora.protocols import LUNA
from ser.evaluation.recall import uar
from ser.evaluation.runs import read_runs
from ser.evaluation.temperature import fit_temperature
from ser.storage.params import ParamsError, read_params
from ser.storage.tensors import save_tensors
from studies.run import Run
from tests.pipeline import declared_params, read_leaves, stages_of
from tests.test_crossval import finish, project, table  # noqa: F401  (fixtures)

FUSION = ROOT / "fusion"
RUNS = Path("studies/comparison/runs")
DOCS = (ROOT / "docs/FUSION.md").read_text(encoding="utf-8")
ABOUT_AUDIO = {"modality": "audio", "model": "m", "protocol": "luna", "encoder": "e", "simulated": False}
FULL_ABOUT = ABOUT_AUDIO | {"contract_version": VERSION, "classes": EMOTIONS}
SIMULATION = simulate.SimulateSettings(uar=0.6, width=5, missing=0.25, seed=3)


def columns_of(rows: int = 6, speakers: int = 3, sure: float = 2.0, seed: int = 0) -> dict[str, object]:
    """The columns of a branch that knows the emotion as well as `sure` says."""
    generator = np.random.default_rng(seed)
    labels = np.arange(rows) // speakers % len(EMOTIONS)
    logits = generator.normal(size=(rows, len(EMOTIONS))) + sure * np.eye(len(EMOTIONS))[labels]
    return {
        "utterance": [f"u{index:03}" for index in range(rows)],
        "clip": [f"c{index:03}" for index in range(rows)],
        "speaker": [f"s{index % speakers:02}" for index in range(rows)],
        "fold": [1] * rows,
        "seed": [None] * rows,
        "emotion": [EMOTIONS[label] for label in labels],
        "log_probabilities": log_softmax(logits, axis=1),
        "embedding": generator.normal(size=(rows, 4)),
    }


def with_column(branch: pa.Table, name: str, values: list, kind: pa.DataType) -> pa.Table:
    """The branch with other values, of another type, or null, in a column."""
    return branch.set_column(branch.column_names.index(name), name, pa.array(values, kind))


def problems_of(branch: pa.Table) -> str:
    """All that is said about a branch; nothing if it keeps to the contract."""
    try:
        require_contract(branch, Path("a.parquet"))
    except ValueError as error:
        return str(error)
    return ""


# Files


def test_a_branch_comes_back_as_it_was_written(tmp_path):
    columns = columns_of() | {"emotion": [None, *["sad"] * 5], "fold": [None, *range(5)]}
    write_branch(tmp_path / "a.parquet", ABOUT_AUDIO, columns)
    read = read_branch(tmp_path / "a.parquet")
    assert read.column_names == list(COLUMNS)
    for name in ("utterance", "clip", "speaker", "fold", "seed", "emotion"):
        assert read[name].to_pylist() == columns[name]
    for name in LISTS:
        np.testing.assert_array_equal(read_column(read, name), columns[name].astype(np.float32))
    assert read["predicted"].to_pylist() == [EMOTIONS[index] for index in columns["log_probabilities"].argmax(axis=1)]
    assert read_about(read) == ABOUT_AUDIO | {"contract_version": VERSION, "classes": list(EMOTIONS)}


def test_twice_gives_equal_bytes(tmp_path):
    for name in ("a", "b"):
        write_branch(tmp_path / name, ABOUT_AUDIO, columns_of())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_what_breaks_the_contract_is_not_written(tmp_path):
    with pytest.raises(ValueError, match=r"a\.parquet: not as the contract 1\.0 says"):
        write_branch(tmp_path / "a.parquet", ABOUT_AUDIO, columns_of() | {"speaker": [""] * 6})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sex": ["female"] * 6}, r"expected the columns .*, found \[.*'sex'\]"),
        ({"embedding": [1.0] * 6}, r"\(row, numbers\), found the shapes {'embedding': \(6,\)}"),
        ({"embedding": np.empty((6, 0))}, r"\(row, numbers\), found the shapes {'embedding': \(6, 0\)}"),
    ],
)
def test_columns_that_cannot_be_written_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        make_table(FULL_ABOUT, columns_of() | changes)


@pytest.mark.parametrize("damage", [b"no table", b"", None], ids=["another", "empty", "damaged"])
def test_a_file_that_is_damaged_or_no_parquet_is_named(damage, tmp_path):
    path = tmp_path / "a.parquet"
    write_branch(path, ABOUT_AUDIO, columns_of(rows=200))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1  # within the pages of the embeddings
    path.write_bytes(content if damage is None else damage)
    with pytest.raises(ValueError, match=r"a\.parquet: not a readable Parquet file \("):
        read_branch(path)


def with_number(name: str, value: float) -> dict[str, np.ndarray]:
    """A column of lists with another number in the row of u002."""
    matrix = columns_of()[name].copy()
    matrix[2, 3] = value
    return {name: matrix}


WRONG_VALUES = {
    "twice": ({"utterance": list("abacad")}, r"utterance: there more than once, in 2 rows, first \['a', 'a'\]"),
    "nameless": ({"utterance": ["", *"bcdef"]}, r"utterance: empty, in 1 rows, first \[''\]"),
    "no clip": ({"clip": [""] * 6}, r"clip: empty, in 6 rows, first \['u000', 'u001', 'u002', 'u003', 'u004'\]"),
    "no speaker": ({"speaker": ["", *"bcdef"]}, r"speaker: empty, in 1 rows, first \['u000'\]"),
    "label": ({"emotion": ["bored", *["sad"] * 5]}, r"emotion: none of the classes, in 1 rows, first \['u000'\]"),
    "NaN": (with_number("log_probabilities", np.nan), r"log_probabilities: not finite, in 1 rows, first \['u002'\]"),
    "zero": (with_number("log_probabilities", -np.inf), "log_probabilities: not finite, in 1 rows"),
    "above 1": (with_number("log_probabilities", 0.1), "log_probabilities: above 0, in 1 rows"),
    "sum": (with_number("log_probabilities", -0.1), "log_probabilities: exponentials that do not sum to 1, in 1 rows"),
    "classes": (
        {"log_probabilities": np.full((6, 7), -np.log(7))},
        r"log_probabilities: expected fixed_size_list of floats, 8 a row, found fixed_size_list<item: float>\[7\]",
    ),
    "infinite": (with_number("embedding", np.inf), r"embedding: not finite, in 1 rows, first \['u002'\]"),
}


@pytest.mark.parametrize(("changes", "message"), WRONG_VALUES.values(), ids=WRONG_VALUES)
def test_wrong_values_are_named_with_their_rows(changes, message):
    assert re.search(message, problems_of(make_table(FULL_ABOUT, columns_of() | changes)))


def test_a_prediction_that_is_not_the_most_likely_class_is_named():
    branch = make_table(FULL_ABOUT, columns_of())
    branch = with_column(branch, "predicted", ["bored", *branch["predicted"].to_pylist()[1:]], pa.string())
    assert "predicted: not the most likely class, in 1 rows, first ['u000']" in problems_of(branch)


@pytest.mark.parametrize("kind", [pa.list_(pa.float32()), pa.list_(pa.float64(), 4), pa.list_(pa.float32(), 0)])
def test_embeddings_are_lists_of_one_length_of_float32(kind):
    assert contract.has_type("embedding", pa.list_(pa.float32(), 4))
    assert not contract.has_type("embedding", kind)


def test_a_branch_without_rows_is_refused():
    assert "no rows" in problems_of(make_table(FULL_ABOUT, columns_of()).slice(0, 0))


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({"classes": EMOTIONS[::-1]}, r"branch\.classes: \['surprised'.*'neutral'\] is not one of \[\['neutral'"),
        ({"contract_version": "2.0"}, r"branch\.contract_version: '2\.0' does not match"),
        ({"simulated": "no"}, r"branch\.simulated: 'no' is not of type 'boolean'"),
        ({"modality": ""}, r"branch\.modality: '' should be non-empty"),
    ],
)
def test_wrong_metadata_is_named(about, message):
    assert re.search(message, problems_of(make_table(FULL_ABOUT | about, columns_of())))


@pytest.mark.parametrize("key", ABOUT["required"])
def test_metadata_that_is_missing_is_named(key):
    about = {name: value for name, value in FULL_ABOUT.items() if name != key}
    assert f"branch: '{key}' is a required property" in problems_of(make_table(about, columns_of()))


@pytest.mark.parametrize("metadata", [None, {ABOUT_KEY: b"{"}])
def test_no_metadata_is_named(metadata):
    branch = make_table(FULL_ABOUT, columns_of()).replace_schema_metadata(metadata)
    assert "no JSON under the key 'branch'" in problems_of(branch)


def test_all_that_is_wrong_with_a_file_is_said_at_once(tmp_path):
    changes = {"speaker": [""] * 6, "utterance": ["a"] * 6} | with_number("embedding", np.nan)
    branch = make_table(ABOUT_AUDIO, columns_of() | changes).drop_columns("clip")
    pq.write_table(with_column(branch, "fold", [0.5] * 6, pa.float64()), tmp_path / "a.parquet")
    with pytest.raises(ValueError) as raised:
        read_branch(tmp_path / "a.parquet")
    for problem in (
        "a.parquet: not as the contract 1.0 says, described in docs/FUSION.md",
        "branch: 'classes' is a required property",
        "branch: 'contract_version' is a required property",
        "clip: expected one column of this name, found 0",
        "fold: expected int32, found double",
        "speaker: empty, in 6 rows",
        "utterance: there more than once, in 5 rows",
        "embedding: not finite, in 1 rows",
    ):
        assert problem in str(raised.value)


def test_further_columns_and_metadata_are_let_in():
    branch = make_table(FULL_ABOUT | {"frame_rate_hz": 25}, columns_of())
    assert problems_of(branch.append_column("sex", pa.array(["female"] * 6))) == ""


# JSON Schema


def test_the_json_schema_in_git_is_the_contract():
    assert json.loads((FUSION / "contract.schema.json").read_text(encoding="utf-8")) == json_schema()
    Draft202012Validator.check_schema(json_schema())


def test_rows_and_metadata_keep_to_the_json_schema():
    branch = make_table(FULL_ABOUT, columns_of() | {"emotion": [None] * 6})
    assert problems_of(branch) == ""
    rows = Draft202012Validator(json_schema())
    for row in branch.to_pylist():
        rows.validate(json.loads(json.dumps(row)))
    about = Draft202012Validator(json_schema() | {"$ref": "#/$defs/branch", "required": [], "properties": {}})
    about.validate(read_about(branch))
    assert not about.is_valid({})


@pytest.mark.parametrize("name", COLUMNS)
def test_parquet_and_json_schema_agree(name):
    rows, branch = Draft202012Validator(json_schema()), make_table(FULL_ABOUT, columns_of())
    row = branch.to_pylist()[0]
    assert problems_of(branch) == "" and rows.is_valid(row)
    # Without the column
    assert f"{name}: expected one column" in problems_of(branch.drop_columns(name))
    assert not rows.is_valid({key: value for key, value in row.items() if key != name})
    # With null in it
    null = with_column(branch, name, [None, *branch[name].to_pylist()[1:]], branch[name].type)
    assert (f"{name}: null, in 1 rows" in problems_of(null)) == (not may_be_null(name))
    assert rows.is_valid(row | {name: None}) == may_be_null(name)
    # With another type
    assert f"{name}: expected" in problems_of(with_column(branch, name, [True] * 6, pa.bool_()))
    assert not rows.is_valid(row | {name: True})


@pytest.mark.parametrize(
    ("name", "value"),
    [("emotion", "bored"), ("predicted", "bored"), ("utterance", ""), ("embedding", []), ("embedding", ["1"])]
    + [("log_probabilities", value) for value in ([-2.0] * 7, [0.1] * 8, [None] * 8)],
)
def test_records_that_parquet_refuses_are_refused_by_the_json_schema(name, value):
    row = make_table(FULL_ABOUT, columns_of()).to_pylist()[0]
    assert not Draft202012Validator(json_schema()).is_valid(row | {name: value})


# The documentation


def test_every_column_and_all_metadata_are_documented():
    for name in [*COLUMNS, *ABOUT["properties"]]:
        assert f"\n| `{name}` | " in DOCS
    for name, (kind, _) in COLUMNS.items():
        if name not in LISTS:
            assert f"\n| `{name}` | {kind}" in DOCS
    assert f"contract {VERSION}" in DOCS


def test_the_documented_examples_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_branch(Path("fusion/audio.parquet"), ABOUT_AUDIO, columns_of())
    reading, writing = re.findall(r"```python\n(.*?)```", DOCS, flags=re.DOTALL)
    exec(compile(reading, "reading", "exec"), {})
    assert "audio" in capsys.readouterr().out
    names = {"utterances": list("ab"), "speakers": list("cd"), "logits": np.eye(2, 8), "vectors": np.ones((2, 3))}
    exec(compile(writing, "writing", "exec"), names)
    assert read_branch(Path("text.parquet"))["utterance"].to_pylist() == ["a", "b"]


# The audio branch


@pytest.fixture
def audio(project, table) -> pd.DataFrame:  # noqa: F811
    """Runs of two seeds on the five folds, embeddings and params, in the working directory; the clip table."""
    torch.manual_seed(0)
    for fold in range(1, 6):
        for seed in (1, 2):
            finish(Run("luna", fold, seed), "fused", 0.6, RUNS)
    clips = table["clip"].tolist()[::-1]
    embeddings = torch.arange(len(clips) * 3 * 2 * 4.0).view(len(clips), 3, 2, 4)
    save_tensors({"clips": clips, "embeddings": embeddings}, Path("studies/encoders/embeddings/whisper/original.pt"))
    Path("studies/encoders/params.yaml").write_text("sources: {whisper: {name: tiny}}\n", encoding="utf-8")
    Path("fusion").mkdir()
    shutil.copy(FUSION / "params.yaml", "fusion/params.yaml")
    return table


def set_param(line: str, other: str) -> None:
    path = Path("fusion/params.yaml")
    text = path.read_text(encoding="utf-8")
    assert line in text
    path.write_text(text.replace(line, other, 1), encoding="utf-8")


def test_the_audio_branch_holds_every_clip_as_a_training_without_its_speaker_predicts_it(audio):
    set_param("seed: 1", "seed: 2")
    export.main()
    branch = read_branch(Path("fusion/audio.parquet"))
    assert sorted(branch["clip"].to_pylist()) == sorted(audio["clip"])
    rows = branch.select(["utterance", "clip", "speaker", "fold", "seed", "emotion"]).to_pandas().set_index("clip")
    assert (rows["utterance"] == [clip[3:] for clip in rows.index]).all()
    assert (rows["speaker"] == [clip[-2:] for clip in rows.index]).all()
    assert all(int(speaker) in LUNA[fold - 1] for speaker, fold in zip(rows["speaker"], rows["fold"], strict=True))
    assert (rows["emotion"] == audio.set_index("clip")["emotion"].loc[rows.index]).all()
    assert set(rows["seed"]) == {2}
    assert read_about(branch) == {
        "classes": list(EMOTIONS),
        "contract_version": VERSION,
        "embedding_layer": 2,
        "encoder": "tiny",
        "modality": "audio",
        "model": "fused",
        "protocol": "luna",
        "sample_rate_hz": 16000,
        "simulated": False,
    }


def test_the_embedding_is_the_mean_of_the_layer_and_clips_keep_theirs(audio):
    export.main()
    branch = read_branch(Path("fusion/audio.parquet"))
    numbers = {clip: index * 24 for index, clip in enumerate(audio["clip"].tolist()[::-1])}
    expected = np.array([[numbers[clip] + 16.0] for clip in branch["clip"].to_pylist()]) + np.arange(4)
    np.testing.assert_array_equal(read_column(branch, "embedding"), expected)


def test_log_probabilities_are_those_of_the_run_at_its_temperature(audio):
    export.main()
    branch = read_branch(Path("fusion/audio.parquet"))
    runs = read_runs(RUNS / "luna/fused").query("seed == 1").set_index("clip").loc[branch["clip"].to_pylist()]
    powers = runs[list(EMOTIONS)].clip(5e-5).pow(1 / runs["temperature"], axis=0)
    expected = powers.div(powers.sum(axis=1), axis=0).to_numpy()
    np.testing.assert_allclose(np.exp(read_column(branch, "log_probabilities")), expected, rtol=1e-5)
    labels = runs["emotion"].map(EMOTION_INDEX).to_numpy()
    assert fit_temperature(log_rows(runs), labels) > 1.5  # the runs are far too sure of themselves
    assert fit_temperature(read_column(branch, "log_probabilities"), labels) == pytest.approx(1, abs=0.1)


def log_rows(runs: pd.DataFrame) -> np.ndarray:
    return np.log(runs[list(EMOTIONS)].to_numpy().clip(5e-5))


def test_clips_outside_exactly_one_test_fold_are_named(audio):
    (RUNS / "luna/fused/5-1.csv").unlink()
    with pytest.raises(
        SystemExit, match=r"each clip of data/clips\.csv in one test fold of seed 1, 240 are not.*\[1, 2\]"
    ):
        export.main()
    set_param("protocol: luna", "protocol: stratified")
    for fold in (1, 2):
        finish(Run("stratified", fold, 1), "fused", 0.6, RUNS)
    with pytest.raises(SystemExit, match="random splits cannot be handed over"):
        export.main()
    assert not Path("fusion/audio.parquet").exists()


def test_a_layer_that_the_encoder_lacks_is_named(audio):
    set_param("layer: 2", "layer: 3")
    with pytest.raises(SystemExit, match=r"export\.layer is 3; allowed: 0 to 2"):
        export.main()


# The simulated branch


def test_the_simulation_is_as_good_as_it_says_and_calibrated():
    labels = np.arange(16000) % 8
    logs, embedding, kept = simulate.draw_branch(labels, SIMULATION)
    counts = fuse_branches.count(logs, labels, labels)
    assert uar(counts.sum(axis=(0, 1))) == pytest.approx(0.6, abs=0.015)
    assert fit_temperature(logs, labels) == pytest.approx(1, abs=0.03)
    assert embedding.shape == (16000, 5)
    assert kept.mean() == pytest.approx(0.75, abs=0.02)


def test_the_simulation_is_drawn_by_its_seed():
    labels = np.arange(80) % 8
    first, again = (simulate.draw_branch(labels, SIMULATION) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)
    other = simulate.draw_branch(labels, simulate.SimulateSettings(uar=0.6, width=5, missing=0.25, seed=4))
    assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize(("key", "value"), [("uar", 0.125), ("uar", 1.0), ("width", 0), ("missing", 1.0), ("seed", -1)])
def test_an_impossible_simulation_is_named(key, value):
    values = {"uar": 0.6, "width": 5, "missing": 0.25, "seed": 3} | {key: value}
    with pytest.raises(ParamsError, match=f"{key} is {value}; allowed"):
        simulate.SimulateSettings(**values)


# The fusion


def two_branches(rows: int = 480, missing: int = 0) -> dict[str, pa.Table]:
    audio = make_table(FULL_ABOUT, columns_of(rows, speakers=12, sure=1.5, seed=1))
    text = make_table(FULL_ABOUT | {"modality": "text"}, columns_of(rows, speakers=12, sure=1.5, seed=2))
    return {"audio": audio, "text": text.slice(missing)}


def test_branches_are_put_in_one_order_whatever_theirs():
    branches = two_branches()
    utterances, logs, present = fuse_branches.align(branches)
    shuffled = {name: rows.take(np.random.default_rng(0).permutation(480)) for name, rows in branches.items()}
    for one, other in zip(fuse_branches.align(shuffled), (utterances, logs, present), strict=True):
        assert np.array_equal(one, other)
    assert present.all()


def test_a_branch_that_lacks_an_utterance_changes_nothing_whatever_its_weight():
    branches = two_branches(missing=100)
    utterances, logs, present = fuse_branches.align(branches)
    assert len(utterances) == 480 and present.sum(axis=1).tolist() == [480, 380]
    np.testing.assert_allclose(logs[1, :100], np.log(1 / 8))
    labels = utterances["emotion"].map(EMOTION_INDEX).to_numpy()
    second = fuse_branches.second_half(utterances["speaker"].to_numpy(), 1)
    fused, weights = fuse_branches.cross_fuse(logs, labels, second)
    alone = log_softmax(weights[second.astype(int), 0][:, None] * logs[0], axis=1)
    np.testing.assert_allclose(fused[:100], alone[:100])
    assert abs(fused[100:] - alone[100:]).max() > 0.1


def test_no_half_is_fused_with_weights_fitted_on_its_own_labels():
    utterances, logs, _ = fuse_branches.align(two_branches())
    labels = utterances["emotion"].map(EMOTION_INDEX).to_numpy()
    speakers = utterances["speaker"].to_numpy()
    second = fuse_branches.second_half(speakers, 1)
    assert not set(speakers[second]) & set(speakers[~second])
    assert len(set(speakers[second])) == len(set(speakers[~second])) == 6
    fused, weights = fuse_branches.cross_fuse(logs, labels, second)
    others = np.where(second, (labels + 1) % 8, labels)
    refused, reweighted = fuse_branches.cross_fuse(logs, others, second)
    # Other labels in the second half change the weights of the first alone
    np.testing.assert_array_equal(refused[second], fused[second])
    np.testing.assert_array_equal(reweighted[1], weights[1])
    assert abs(reweighted[0] - weights[0]).min() > 0.1


def test_two_branches_with_errors_of_their_own_are_better_together():
    metrics = fuse_branches.evaluate(two_branches(missing=100), seed=1)
    assert metrics["fused"]["utterances"] == 480 and metrics["text"]["utterances"] == 380
    for name in ("audio", "text"):
        assert metrics[name]["gain"]["low"] > 0
        assert metrics["fused"]["uar"]["mean"] > metrics[name]["uar"]["mean"]
    shown = fuse_branches.tabulate(metrics)
    assert shown["branch"].tolist() == ["audio", "text", "fused"]


def test_utterances_without_a_label_are_not_scored_and_take_that_of_another_branch():
    branches = two_branches()
    no_labels = with_column(branches["text"], "emotion", [None] * 480, pa.string())
    assert fuse_branches.evaluate(branches | {"text": no_labels}, 1) == fuse_branches.evaluate(branches, 1)
    half = with_column(
        branches["audio"], "emotion", [None] * 240 + branches["audio"]["emotion"].to_pylist()[240:], pa.string()
    )
    assert fuse_branches.evaluate({"audio": half, "text": no_labels}, 1)["fused"]["utterances"] == 240


def test_branches_that_disagree_on_a_speaker_or_a_label_are_named():
    branches = two_branches(24)
    other = with_column(branches["text"], "speaker", ["s11", *branches["text"]["speaker"].to_pylist()[1:]], pa.string())
    with pytest.raises(
        ValueError, match=r"\['audio', 'text'\]: 1 utterances have two speakers or labels, first \['u000'\]"
    ):
        fuse_branches.align(branches | {"text": other})


def test_one_speaker_is_too_few():
    with pytest.raises(ValueError, match=r"speakers \['s00'\]; weights need two or more"):
        fuse_branches.second_half(np.array(["s00", "s00"]), 1)


@pytest.mark.parametrize("modality", ["audio", "fused"])
def test_a_modality_that_is_taken_is_named(modality, tmp_path):
    write_branch(tmp_path / "a.parquet", ABOUT_AUDIO, columns_of())
    write_branch(tmp_path / "b.parquet", ABOUT_AUDIO | {"modality": modality}, columns_of())
    with pytest.raises(ValueError, match=rf"b\.parquet: modality is '{modality}', which is taken"):
        fuse_branches.read_branches([tmp_path / "a.parquet", tmp_path / "b.parquet"])


def test_the_stages_lead_from_runs_to_the_example(audio, monkeypatch, capsys):
    contract.main()
    export.main()
    simulate.main()
    monkeypatch.setattr(sys, "argv", ["fuse_branches", "fusion/audio.parquet", "fusion/text.parquet"])
    fuse_branches.main()
    assert Path("fusion/contract.schema.json").read_text() == (FUSION / "contract.schema.json").read_text()
    text = read_branch(Path("fusion/text.parquet"))
    assert read_about(text)["simulated"] is True
    assert 0.85 < len(text) / 1440 < 0.95
    assert read_column(text, "embedding").shape[1] == 32
    metrics = json.loads(Path("fusion/metrics/example.json").read_text())
    assert metrics.keys() == {"audio", "text", "fused"}
    assert metrics["text"]["uar"]["mean"] == pytest.approx(0.5, abs=0.05)
    assert metrics["text"]["simulated"] and not metrics["audio"]["simulated"]
    assert "text, simulated" in capsys.readouterr().out


# The project


def test_every_param_is_declared():
    leaves = read_leaves(FUSION).keys()
    assert set().union(*(declared_params(stage, leaves) for stage in stages_of(FUSION).values())) == leaves


def test_branches_stay_out_of_git_and_what_is_read_without_them_is_in_it():
    outs = {out.def_path: out.use_cache for stage in stages_of(FUSION).values() for out in stage.outs}
    assert outs == {
        "audio.parquet": True,
        "contract.schema.json": False,
        "metrics/example.json": False,
        "text.parquet": True,
    }


def test_the_export_reads_the_runs_that_its_params_name():
    settings = read_params(FUSION / "params.yaml", "export")
    deps = {dep.def_path for dep in stages_of(FUSION)["export"].deps}
    assert f"../studies/{settings['project']}/runs/{settings['protocol']}/{settings['model']}" in deps
    assert f"../studies/encoders/embeddings/{settings['encoder']}/original.pt" in deps
