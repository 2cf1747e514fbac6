"""Every number of every params file has bounds, and one beyond them is refused by name before any work."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.demo import ROOT
from ser.storage.bounds import BOUNDS, OTHER, bounds_of, breaches
from ser.storage.params import ParamsError, read_params, require_bounds
from ser.storage.yaml12 import dump_yaml, read_yaml
from stages import split, train_lgbm
from tests.test_yaml12 import PARAMS

Place = tuple[str | int, ...]


def numbers(value: Any, place: Place = ()) -> Iterator[tuple[Place, int | float]]:
    """Yield every number of a params file with the keys and indices that lead to it."""
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from numbers(item, (*place, key))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield place, value


def changed(params: Any, place: Place, value: object) -> Any:
    params = copy.deepcopy(params)
    section = params
    for key in place[:-1]:
        section = section[key]
    section[place[-1]] = value
    return params


def name_of(place: Place) -> str:
    return ".".join(key for key in place if isinstance(key, str))


COMMITTED = {path: read_yaml(ROOT / path) for path in PARAMS}
NUMBERS = [
    pytest.param(path, place, value, id=f"{path.parent}:{'.'.join(map(str, place))}")
    for path in PARAMS
    for place, value in numbers(COMMITTED[path])
]


@pytest.mark.parametrize("path", PARAMS, ids=str)
def test_the_committed_numbers_are_within_their_bounds(path):
    assert list(breaches(COMMITTED[path])) == []


@pytest.mark.parametrize(("path", "place", "value"), NUMBERS)
def test_an_absurd_number_is_refused_with_its_key_and_what_is_allowed(path, place, value):
    params, name = COMMITTED[path], name_of(place)
    low, high = bounds_of(name)
    below = [] if (low, high) == OTHER else [-1]  # of a new name, its dataclass says whether it may be negative
    for absurd in (*below, -1e12, 10**12, float("nan"), float("inf"), -float("inf"), 10**400):
        with pytest.raises(ParamsError) as error:
            require_bounds(changed(params, place, absurd), str(path))
        assert str(error.value) == f"{path}: {name} is {absurd!r}; allowed: {low} to {high}"


def test_the_walk_covers_every_params_file():
    assert {parameter.values[0] for parameter in NUMBERS} == set(PARAMS) - {Path("studies/comparison/params.yaml")}


def test_no_bound_is_left_of_a_key_that_is_gone():
    used = {key for parameter in NUMBERS for key in parameter.values[1] if isinstance(key, str)}
    used = {part for key in used for part in key.split(".")}
    assert BOUNDS.keys() <= used


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("threads", 100_000),
        ("leaves", 1_000_000),
        ("estimators", 3_000_000_000),
        ("seed", -1),
        ("seed", 2**31),
        ("patience", -5),
        ("learning_rate", float("nan")),
    ],
)
def test_a_number_of_lightgbm_that_it_dies_of_is_refused_before_any_work(tmp_path, monkeypatch, key, value):
    monkeypatch.chdir(tmp_path)
    params = changed(COMMITTED[Path("params.yaml")], ("train_lgbm", key), value)
    Path("params.yaml").write_text(dump_yaml(params), encoding="utf-8")
    for stage in (split, train_lgbm):  # the first stage that runs refuses it, not the last after hours
        with pytest.raises(SystemExit, match=rf"params\.yaml: train_lgbm\.{key} is .*; allowed: "):
            stage.main()
    assert [path.name for path in tmp_path.iterdir()] == ["params.yaml"]


def test_every_number_out_of_bounds_is_listed_at_once(tmp_path):
    (tmp_path / "params.yaml").write_text("a: {threads: 0, seeds: {x: [1, -1]}}\nb: {gain: 1e12, loud: true, name: x}")
    with pytest.raises(ParamsError) as error:
        read_params(tmp_path / "params.yaml", "b")
    assert [line.split(" is ")[0].split()[-1] for line in str(error.value).splitlines()] == [
        "a.threads",
        "a.seeds.x",
        "b.gain",
    ]


def test_a_number_has_the_bounds_of_the_innermost_name_that_has_any():
    assert bounds_of("threads.compact") == BOUNDS["threads"]
    assert bounds_of("spaces.cnn.network.hidden.choices") == BOUNDS["hidden"]
    assert bounds_of("search.folds") == bounds_of("luna") == (1, 24)
    assert bounds_of("radio.volume") == OTHER


def test_an_anchor_within_its_own_value_is_refused(tmp_path):
    (tmp_path / "params.yaml").write_text("a: &a {b: *a}")
    with pytest.raises(ParamsError, match="nested without end"):
        read_params(tmp_path / "params.yaml", "a")
