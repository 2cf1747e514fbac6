"""Search spaces as data → Optuna's distributions, checked against the section of params that they change."""

import json
from collections.abc import Callable
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from ser.storage.dotted import leaves
from ser.storage.params import ParamsError

Space = dict[str, BaseDistribution]

SIGNIFICANT_DIGITS = 3  # of real numbers, so that what is trained with is what a proposal says
FORMS = f"{{low, high}}, of at most {SIGNIFICANT_DIGITS} digits, with `log` or `step`, or {{choices: [two or more]}}"


def read_space(specs: dict[str, Any], values: dict[str, Any], settings: Callable[[dict[str, Any]], object]) -> Space:
    """Return the distribution of each key, a dotted name within a section of params.

    values: the section as it stands; settings: makes its settings with other values, or raises ValueError.
    ParamsError lists every key that the section lacks, that is no range or list of choices, that makes impossible
    settings, or whose present value lies outside.
    """
    present, space, problems = leaves(values), {}, []
    for key, spec in specs.items():
        try:
            if key not in present:
                raise ValueError(f"unknown; expected one of {sorted(present)}")
            space[key] = parse(spec)
            for value in _extremes(space[key]):
                settings({key: value})
            if not _holds(space[key], present[key]):
                raise ValueError(f"the present value {present[key]!r} cannot be drawn from {spec}; widen it")
        except (TypeError, ValueError) as error:
            problems.append(f"{key}: {error}")
    if problems:
        raise ParamsError("\n  ".join(problems))
    return space


def parse(spec: Any) -> BaseDistribution:
    """Return the distribution that a range or a list of choices describes; choices, lists too, become JSON."""
    keys = set(spec) if isinstance(spec, dict) else set()
    if keys == {"choices"} and isinstance(spec["choices"], list) and len(spec["choices"]) > 1:
        return CategoricalDistribution([json.dumps(choice) for choice in spec["choices"]])
    bounds = [spec[name] for name in ("low", "high") if name in keys]
    if len(bounds) < 2 or keys - {"low", "high", "log", "step"} or not all(type(one) in (int, float) for one in bounds):
        raise ValueError(f"expected {FORMS}, found {spec!r}")
    return (IntDistribution if all(isinstance(one, int) for one in bounds) else FloatDistribution)(**spec)


def encode(values: dict[str, Any], space: Space) -> dict[str, Any]:
    """Return values as Optuna stores them."""
    chosen = {key for key, distribution in space.items() if isinstance(distribution, CategoricalDistribution)}
    return {key: json.dumps(values[key]) if key in chosen else values[key] for key in space}


def decode(stored: dict[str, Any], space: Space) -> dict[str, Any]:
    """Return what Optuna stores as values for params.yaml, real numbers rounded."""
    return {key: _decode(stored[key], distribution) for key, distribution in space.items()}


def _decode(value: Any, distribution: BaseDistribution) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return json.loads(value)
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}") if isinstance(distribution, FloatDistribution) else value


def _extremes(distribution: BaseDistribution) -> list[Any]:
    if isinstance(distribution, CategoricalDistribution):
        return [json.loads(choice) for choice in distribution.choices]
    return [distribution.low, distribution.high]


def _holds(distribution: BaseDistribution, value: Any) -> bool:
    """Whether a value can be drawn, and is the same once rounded."""
    space = {"": distribution}
    stored = encode({"": value}, space)
    try:
        optuna.create_trial(value=0.0, params=stored, distributions=space)
    except (TypeError, ValueError):
        return False
    return decode(stored, space) == {"": value}
