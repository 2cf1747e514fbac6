"""The best trial's values in the params file, where nothing else changes."""

import re
import subprocess
from pathlib import Path
from typing import Any

from ruamel.yaml.nodes import Node

from scripts.children import dvc
from ser.storage.dotted import override
from ser.storage.files import replacing
from ser.storage.yaml12 import compose_yaml, dump_yaml, parse_yaml


def propose(path: Path, section: str, values: dict[str, Any]) -> None:
    """Write values by their dotted names into a section of a params file, as a change that git has not seen."""
    text = replace_values(path.read_text(encoding="utf-8"), {f"{section}.{key}": values[key] for key in values})
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def replace_values(text: str, values: dict[str, Any]) -> str:
    """Return YAML text with other values by their dotted names; all else stays as it is, comments in their columns.

    ValueError where the result would not say what it should.
    """
    root, changed = compose_yaml(text), text
    spans = sorted(
        ((_find(root, key.split(".")), value) for key, value in values.items()), key=lambda span: -span[0][0]
    )
    for (start, end), value in spans:
        new, rest = dump_yaml(value), changed[end:]
        gap = re.match(r" +(?=#)", rest)
        if gap:
            rest = " " * max(1, gap.end() - len(new) + end - start) + rest[gap.end() :]
        changed = changed[:start] + new + rest
    if parse_yaml(changed, "the result") != override(parse_yaml(text, "the params"), values):
        raise ValueError(f"{values} cannot be written into the params; write them by hand")
    return changed


def show_difference(path: Path) -> str:
    """Return what `dvc params diff` says in the project of a params file; nothing without a commit before."""
    return dvc(path.parent, "params", "diff", "--targets", path.name, check=False, stdout=subprocess.PIPE).stdout


def _find(node: Node, keys: list[str]) -> tuple[int, int]:
    """Return where the text of a value starts and ends."""
    for key in keys:
        node = next(value for name, value in node.value if name.value == key)
    return node.start_mark.index, node.end_mark.index
