"""`params.yaml` → checked settings: an unknown, missing or impossible key is an error that names it."""

import dataclasses
import sys
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from ser.storage.bounds import breaches
from ser.storage.yaml12 import read_yaml

Settings = TypeVar("Settings")
Value = TypeVar("Value")


class ParamsError(ValueError):
    """A key of `params.yaml` is unknown, missing or has an impossible value."""


def read_params(path: Path, *sections: str) -> Any:
    """Return one section of a params file, or a tuple of several; a section is a mapping of its keys.

    ParamsError names missing sections, and numbers out of their bounds wherever they stand in the file: none shall show
    only after hours, in the last stage.
    """
    params = read_yaml(path)
    missing = [name for name in sections if not isinstance(params, dict) or not isinstance(params.get(name), dict)]
    if missing:
        raise ParamsError(f"{path}: expected the sections {list(sections)}, found no mapping for {missing}")
    require_bounds(params, str(path))
    return params[sections[0]] if len(sections) == 1 else tuple(params[name] for name in sections)


def read_value(path: Path, key: str, kind: type[Value]) -> Value:
    """Return one value of a params file by its dotted name, `threads.compact`; ParamsError as of sections."""
    section, *names = key.split(".")
    value = read_params(path, section)
    for name in names:
        if not isinstance(value, dict) or name not in value:
            raise ParamsError(f"{path}: {key}: missing")
        value = value[name]
    try:
        return _convert(value, kind, key)
    except ParamsError as error:
        raise ParamsError(f"{path}: {error}") from None


def require_bounds(params: dict[str, Any], source: str) -> None:
    """Raise ParamsError with every number that is out of its bounds."""
    try:
        found = list(breaches(params))
    except RecursionError:
        raise ParamsError(f"{source}: nested without end; look for an anchor (&) within its own value") from None
    if found:
        raise ParamsError("\n  ".join([f"{source}: {found[0]}", *found[1:]]))


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
    accepted = (int, float) if kind is float else kind
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
        raise ParamsError(f"{key}: expected {kind.__name__}, found {value!r}")
    if kind is float and not abs(value) <= sys.float_info.max:
        raise ParamsError(f"{key}: expected a finite number, found {value!r}")
    return float(value) if kind is float else value
