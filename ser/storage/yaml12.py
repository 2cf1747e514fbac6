"""YAML as DVC reads it: version 1.2, where `1e-4` is a number, `042` is 42, `on` is text and a key is there once."""

import io
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML, YAMLError
from ruamel.yaml.nodes import Node


def read_yaml(path: Path) -> Any:
    """Return what a YAML file says; an empty one says {}. ValueError names the file, the line and what is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8 ({error}). Save it as UTF-8 text.") from None
    return parse_yaml(text, str(path))


def parse_yaml(text: str, source: str) -> Any:
    """Return what YAML text says, the same as `dvc.utils.serialize.parse_yaml`."""
    try:
        return YAML(typ="safe").load(text) or {}
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        place, what = f", line {mark.line + 1}" if mark else "", getattr(error, "problem", None) or error
        raise ValueError(f"{source}{place}: not readable as YAML 1.2: {what}") from None
    except Exception as error:  # a value that its tag does not fit: ruamel.yaml raises whatever it leads to
        raise ValueError(f"{source}: not readable as YAML 1.2: {type(error).__name__}: {error}") from None


def compose_yaml(text: str) -> Node:
    """Return the nodes of YAML text, which know their places in it."""
    return YAML(typ="safe").compose(text)


def dump_yaml(value: Any, in_one_line: bool = True) -> str:
    """Return a value as YAML, on one line or with a line a key in the order of the mapping."""
    yaml, stream = YAML(typ="safe"), io.StringIO()
    yaml.default_flow_style, yaml.width, yaml.sort_base_mapping_type_on_output = in_one_line, 10**6, False
    yaml.dump(value, stream)
    return stream.getvalue().removesuffix("...\n").strip()
