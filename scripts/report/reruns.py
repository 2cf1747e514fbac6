"""dvc.lock of two revisions → which stages reran, and why."""

import itertools
from collections.abc import Mapping
from typing import Any, NamedTuple

from ser.storage.dotted import leaves
from ser.storage.yaml12 import parse_yaml


class Rerun(NamedTuple):
    """A stage whose entry in dvc.lock changed."""

    stage: str
    kind: str  # new, removed or reran
    reasons: list[str]  # what changed among its inputs
    changed: int  # outputs with other contents
    outputs: int


def parse_lock(text: str | None) -> dict[str, Any]:
    """Return the stages of a dvc.lock by name, none where there is no file."""
    return parse_yaml(text or "", "dvc.lock").get("stages") or {}


def compare_locks(base: Mapping[str, Any], head: Mapping[str, Any]) -> list[Rerun]:
    """Return the stages that changed, in the order of the head's lock, removed ones last.

    A stage that ran again on the same inputs to the same outputs leaves no trace in a lock.
    """
    makers = {out["path"]: stage for stage, entry in head.items() for out in entry.get("outs", [])}
    reran = [rerun for stage, entry in head.items() if (rerun := compare_stage(stage, base.get(stage), entry, makers))]
    removed = [Rerun(stage, "removed", [], 0, 0) for stage in base if stage not in head]
    return reran + removed


def compare_stage(
    stage: str, base: Mapping[str, Any] | None, head: Mapping[str, Any], makers: Mapping[str, str]
) -> Rerun | None:
    """Return how a stage changed, or None if it did not; `makers` names the stage behind each output."""
    outputs = _checksums(head, "outs")
    if base is None:
        return Rerun(stage, "new", [], len(outputs), len(outputs))
    changed = len(_different(_checksums(base, "outs"), outputs))
    reasons = [
        *(["command"] if base.get("cmd") != head.get("cmd") else []),
        *_params_reasons(base, head),
        *_file_reasons(base, head, makers),
    ]
    if not reasons and not changed:
        return None
    return Rerun(stage, "reran", reasons or ["none that it declares"], changed, len(outputs))


def _params_reasons(base: Mapping[str, Any], head: Mapping[str, Any]) -> list[str]:
    old, new = (dict(_leaves(entry.get("params", {}))) for entry in (base, head))
    return [f"{name} {_value(old, name)} → {_value(new, name)}" for name in _different(old, new)]


def _value(leaves: Mapping[str, Any], name: str) -> str:
    return str(leaves[name]) if name in leaves else "undeclared"


def _leaves(params: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Name params as on the command line, `split.seed`, with their file before them if it is not params.yaml."""
    return [
        (key if file == "params.yaml" else f"{file}:{key}", value)
        for file, section in params.items()
        # A leaf that was declared by itself stands there as `train.seed: 1`, a whole section as `train: {seed: 1}`
        for key, value in leaves(section or {}).items()
    ]


def _file_reasons(base: Mapping[str, Any], head: Mapping[str, Any], makers: Mapping[str, str]) -> list[str]:
    """Name the dependencies that changed, together those that one stage made; first the ones that none made."""
    old, new = _checksums(base, "deps"), _checksums(head, "deps")
    paths = sorted(_different(old, new), key=lambda path: makers.get(path, ""))
    groups = itertools.groupby(paths, key=lambda path: makers.get(path))
    return [
        (f"from {maker}: " if maker else "") + ", ".join(_describe(path, old, new) for path in group)
        for maker, group in groups
    ]


def _describe(path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    if path not in new:
        return f"{path} (no longer read)"
    return path if path in old else f"{path} (newly read)"


def _checksums(entry: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Return the checksum of each dependency or output, whatever DVC calls it (md5, etag, …), by path."""
    ignored = ("path", "size", "nfiles", "hash", "isexec")
    return {
        item["path"]: {key: value for key, value in item.items() if key not in ignored} for item in entry.get(kind, [])
    }


def _different(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return the sorted keys whose values differ or that only one side has."""
    missing = object()
    return sorted(key for key in {*old, *new} if old.get(key, missing) != new.get(key, missing))
