"""`params.yaml` → checked settings: an unknown, missing or impossible key is an error that names it."""

import dataclasses
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import yaml

Settings = TypeVar("Settings")


class ParamsError(ValueError):
    """A key of `params.yaml` is unknown, missing or has an impossible value."""


def read_params(path: Path, *sections: str) -> Any:
    """Return one section of a params file, or a tuple of several; a section is a mapping of its keys."""
    params = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    missing = [name for name in sections if not isinstance(params.get(name), dict)]
    if missing:
        raise ParamsError(f"{path}: expected the sections {list(sections)}, found no mapping for {missing}")
    return params[sections[0]] if len(sections) == 1 else tuple(params[name] for name in sections)


def build(settings: type[Settings], values: dict[str, Any], section: str = "", source: str = "params.yaml") -> Settings:
    """Make a settings dataclass from one section of `source`, or from a mapping of sections.

    ParamsError lists every unknown, missing or mistyped key, or names the first impossible value. Integers are taken
    where a float is declared, lists where a tuple is, and a nested dataclass takes a mapping.
    """
    try:
        return _build(settings, values, section)
    except ParamsError as error:
        raise ParamsError(f"{source}: {error}") from None


def check(condition: bool, key: str, value: object, allowed: str) -> None:
    """Raise ParamsError naming key, value and what is allowed, unless the condition holds."""
    if not condition:
        raise ParamsError(f"{key} is {value!r}; allowed: {allowed}")


def _build(settings: type[Settings], values: dict[str, Any], section: str) -> Settings:
    if not isinstance(values, dict):
        raise ParamsError(f"{section}: expected a mapping, found {values!r}")
    fields = {field.name: field for field in dataclasses.fields(settings)}
    prefix = f"{section}." if section else ""
    problems = [f"{prefix}{key}: unknown; allowed are {sorted(fields)}" for key in values if key not in fields]
    problems += [f"{prefix}{name}: missing" for name in fields if name not in values]
    types = get_type_hints(settings)
    arguments = {}
    for name in fields.keys() & values.keys():
        try:
            arguments[name] = _convert(values[name], types[name], f"{prefix}{name}")
        except ParamsError as error:
            problems.append(str(error))
    if problems:
        raise ParamsError("\n  ".join(sorted(problems)))
    try:
        return settings(**arguments)
    except ParamsError as error:
        raise ParamsError(f"{prefix}{error}") from None


def _convert(value: Any, kind: Any, key: str) -> Any:
    if dataclasses.is_dataclass(kind):
        return _build(kind, value if isinstance(value, dict) else {}, key)
    if getattr(kind, "__origin__", None) is tuple:
        if not isinstance(value, list | tuple):
            raise ParamsError(f"{key}: expected a list, found {value!r}")
        return tuple(_convert(item, get_args(kind)[0], key) for item in value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ParamsError(f"{key}: expected {kind.__name__}, found {value!r}")
    return value
