"""Nested params by their dotted names, as DVC writes them: `train.seed`."""

from collections.abc import Mapping
from typing import Any


def leaves(params: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the values by their dotted names; an empty section is a value."""
    found = {}
    for key, value in params.items():
        nested = isinstance(value, dict) and value
        found |= leaves(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": value}
    return found


def override(params: dict[str, Any], overrides: Mapping[str, object]) -> dict[str, Any]:
    """Set params by their dotted names and return them; KeyError names one that does not exist."""
    for key, value in overrides.items():
        *sections, name = key.split(".")
        section: Any = params
        for part in sections:
            section = section.get(part) if isinstance(section, dict) else None
        if not isinstance(section, dict) or name not in section:
            raise KeyError(key)
        section[name] = value
    return params
