"""Two dvc.lock files of one pipeline → which outputs have the same bytes, a row an output; fails unless all have.

Of two runs (say, with `train.threads` 1 and 2): `python -m scripts.compare_locks old/dvc.lock new/dvc.lock`; of a
commit: `git show HEAD~1:dvc.lock > old.lock` first.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from scripts.report.reruns import parse_lock
from ser.storage.errors import reporting


class Output(NamedTuple):
    """An output by its MD5 in two locks; None where one of them lacks it."""

    stage: str
    path: str
    old: str | None
    new: str | None

    @property
    def equal(self) -> str:
        """Whether the bytes are the same, or which side alone has it."""
        if self.old and self.new:
            return "equal" if self.old == self.new else "differs"
        return "only old" if self.old else "only new"


def read_outputs(lock: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """Return the MD5 of each output (a folder's is that of its listing of MD5s) by stage and path."""
    return {(stage, out["path"]): out["md5"] for stage, entry in lock.items() for out in entry.get("outs", [])}


def compare_outputs(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Output]:
    """Return every output of either lock, in the order of the old one."""
    before, after = read_outputs(old), read_outputs(new)
    return [Output(*key, before.get(key), after.get(key)) for key in {**before, **after}]


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Lay rows of text out in columns, each as wide as its longest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="compare_locks", description=__doc__.partition("\n")[0])
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    arguments = parser.parse_args()
    try:
        locks = [parse_lock(path.read_text(encoding="utf-8")) for path in (arguments.old, arguments.new)]
    except (OSError, ValueError) as error:
        raise SystemExit(f"compare_locks: {error}") from error
    outputs = compare_outputs(*locks)
    equal = sum(output.equal == "equal" for output in outputs)
    rows = [(output.stage, output.path, output.equal) for output in outputs]
    print(aligned([("stage", "output", "bytes"), *rows]))
    print(f"{equal} of {len(outputs)} outputs equal")
    sys.exit(equal < len(outputs) or not outputs)


if __name__ == "__main__":
    with reporting("compare_locks"):
        main()
