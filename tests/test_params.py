"""`params.yaml` → settings: what fits arrives, everything else is named."""

import dataclasses

import pytest

from scripts.demo import ROOT
from ser.corpora.splits import SplitSettings
from ser.corpora.synthesis import SyntheticCorpus
from ser.features.audio import AudioSettings
from ser.features.fixed_mel import MelSettings
from ser.features.mfcc import MfccSettings
from ser.features.own_length_mel import LogMelSettings
from ser.models import cnn, compact, extractor, lstm
from ser.storage.params import ParamsError, build, check, read_params
from ser.storage.yaml12 import read_yaml
from ser.training.boosting import BoostingSettings
from ser.training.runtime import RunSettings

SETTINGS = {
    "synthetic": SyntheticCorpus,
    "split": SplitSettings,
    "audio": AudioSettings,
    "mel": MelSettings,
    "mfcc": MfccSettings,
    "train": RunSettings,
    "train_cnn": cnn.Settings,
    "train_lstm": lstm.Settings,
    "train_extractor": extractor.Settings,
    "train_lgbm": BoostingSettings,
    "logmel": LogMelSettings,
    "train_compact": compact.Settings,
}


@dataclasses.dataclass(frozen=True)
class Filter:
    taps: int

    def __post_init__(self) -> None:
        check(self.taps % 2 == 1, "taps", self.taps, "odd numbers")


@dataclasses.dataclass(frozen=True)
class Radio:
    name: str
    rate: float
    count: int
    loud: bool
    bands: tuple[int, ...]
    filter: Filter

    def __post_init__(self) -> None:
        check(self.rate > 0, "rate", self.rate, "more than 0")


@pytest.fixture
def values():
    return {"name": "r", "rate": 0.5, "count": 3, "loud": True, "bands": [1, 2], "filter": {"taps": 5}}


def test_values_arrive_with_lists_as_tuples_and_mappings_as_dataclasses(values):
    assert build(Radio, values, "radio") == Radio("r", 0.5, 3, True, (1, 2), Filter(5))


def test_an_integer_is_taken_where_a_float_is_declared(values):
    rate = build(Radio, values | {"rate": 2}, "radio").rate
    assert (rate, type(rate)) == (2.0, float)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"volume": 11}, r"radio\.volume: unknown; allowed are \['bands', 'count', 'filter', 'loud', 'name', 'rate'\]"),
        ({"count": True}, r"radio\.count: expected int, found True"),
        ({"count": 3.0}, r"radio\.count: expected int, found 3\.0"),
        ({"count": None}, r"radio\.count: expected int, found None"),
        ({"rate": "1e-3"}, r"radio\.rate: expected float, found '1e-3'"),
        ({"rate": False}, r"radio\.rate: expected float, found False"),
        ({"loud": 1}, r"radio\.loud: expected bool, found 1"),
        ({"name": 7}, r"radio\.name: expected str, found 7"),
        ({"bands": 3}, r"radio\.bands: expected a list, found 3"),
        ({"bands": [1, "two"]}, r"radio\.bands: expected int, found 'two'"),
        ({"filter": {"taps": "five"}}, r"radio\.filter\.taps: expected int, found 'five'"),
        ({"filter": {"taps": 5, "order": 2}}, r"radio\.filter\.order: unknown; allowed are \['taps'\]"),
        ({"filter": {}}, r"radio\.filter\.taps: missing"),
        ({"filter": {"taps": 4}}, r"radio\.filter\.taps is 4; allowed: odd numbers"),
        ({"rate": -1}, r"radio\.rate is -1\.0; allowed: more than 0"),
        ({"rate": float("nan")}, r"radio\.rate: expected a finite number, found nan"),
        ({"rate": float("inf")}, r"radio\.rate: expected a finite number, found inf"),
        ({"rate": 10**400}, r"radio\.rate: expected a finite number, found 1000"),
    ],
)
def test_a_value_that_does_not_fit_is_named(values, change, message):
    with pytest.raises(ParamsError, match=message) as error:
        build(Radio, values | change, "radio")
    assert str(error.value).startswith("params.yaml")


@pytest.mark.parametrize("key", ["name", "rate", "count", "loud", "bands", "filter"])
def test_a_missing_key_is_named(values, key):
    del values[key]
    with pytest.raises(ParamsError, match=rf"radio\.{key}: missing"):
        build(Radio, values, "radio")


def test_every_problem_is_named_at_once(values):
    del values["name"]
    with pytest.raises(ParamsError) as error:
        build(Radio, values | {"volume": 11, "count": True, "bands": "all", "filter": {"taps": 4, "x": 1}}, "radio")
    for key in ("name: missing", "volume: unknown", "count: expected", "bands: expected", "filter.x: unknown"):
        assert f"radio.{key}" in str(error.value)


def test_one_section_is_a_mapping_and_several_are_a_tuple(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("a: {x: 1}\nb: {y: 2}\n")
    assert read_params(path, "a") == {"x": 1}
    assert read_params(path, "b", "a") == ({"y": 2}, {"x": 1})


@pytest.mark.parametrize(("text", "missing"), [("", "'a', 'b'"), ("a: {x: 1}", "'b'"), ("a: {x: 1}\nb: 3", "'b'")])
def test_missing_sections_are_named_with_the_file(tmp_path, text, missing):
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(ParamsError, match=rf"params\.yaml: expected the sections .* no mapping for \[{missing}\]"):
        read_params(tmp_path / "params.yaml", "a", "b")


@pytest.mark.parametrize("section", SETTINGS)
def test_committed_params_make_the_settings_of_their_section(section):
    values = read_params(ROOT / "params.yaml", section)
    settings = build(SETTINGS[section], values, section)
    assert values == _plain(dataclasses.asdict(settings))


def test_every_section_of_the_committed_params_has_settings():
    of_one_value = {"corpus": ["name"], "runtime": ["portable"]}
    params = read_yaml(ROOT / "params.yaml")
    assert {name: list(section) for name, section in params.items() if name not in SETTINGS} == of_one_value
    assert SETTINGS.keys() <= params.keys()


@pytest.mark.parametrize(
    ("section", "key", "value", "allowed"),
    [
        ("split", "protocol", "random", "stratified or speaker_independent"),
        ("split", "val_fraction", 0.0, "between 0 and 1"),
        ("split", "val_fraction", 0.9, "below 1"),
        ("split", "seed", -1, "0 to 2"),
        ("audio", "sample_rate_hz", 0, "1000 to 192000"),
        ("audio", "duration_s", 0.0, "0.1 to 60 seconds"),
        ("mel", "n_mels", 0, "1 to 512"),
        ("mel", "n_fft", 8, "16 to 65536 samples"),
        ("mel", "hop_samples", 401, "1 to n_fft samples"),
        ("mel", "top_db", 0, "more than 0 dB"),
        ("train", "seed", 2**32, "0 to 2"),
        ("train", "threads", 0, "1 to 1024"),
        ("train_cnn", "epochs", 0, "1 or more"),
        ("train_cnn", "batch_size", 1, "2 or more"),
        ("train_cnn", "learning_rate", 1.0, "between 0 and 1"),
        ("train_cnn", "batch_norm_clips", -1, "0 .running averages. or more"),
        ("train_extractor", "batch_norm_clips", -1, "0 .running averages. or more"),
        ("train_extractor", "epochs", 0, "1 or more"),
        ("train_compact", "precision", "float16", "auto or float32 or bfloat16"),
        ("train_lgbm", "estimators", 0, "1 or more"),
        ("train_lgbm", "leaves", 1, "2 or more"),
        ("train_lgbm", "learning_rate", 0.0, "above 0 to 1"),
        ("train_lgbm", "row_fraction", 1.1, "above 0 to 1"),
        ("train_lgbm", "l2", -0.1, "0 or more"),
        ("train_lgbm", "patience", 0, "1 or more"),
    ],
)
def test_an_impossible_value_is_refused_with_what_is_allowed(section, key, value, allowed):
    values = read_params(ROOT / "params.yaml", section)
    with pytest.raises(ParamsError, match=rf"{section}\..*{key}.*; allowed: {allowed}"):
        build(SETTINGS[section], values | {key: value}, section)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return list(value) if isinstance(value, tuple) else value
