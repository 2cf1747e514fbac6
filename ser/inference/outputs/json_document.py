"""All recordings → one JSON document (timeline.schema.json)."""

import dataclasses
import json
from collections.abc import Iterable
from typing import TextIO

from ser.inference.outputs.about import About
from ser.inference.outputs.records import recording_record
from ser.inference.rows import Heard, Problem

VERSION = "1.0"


def write(found: Iterable[Heard | Problem], about: About, file: TextIO) -> None:
    """Write recording by recording, so that none but the present one is in memory."""
    head = json.dumps({"version": VERSION, "about": dataclasses.asdict(about)}, ensure_ascii=False)
    file.write(f'{head[:-1]}, "recordings": [')
    problems, comma = [], "\n"
    for one in found:
        if isinstance(one, Problem):
            problems.append({"recording": one.name, "reason": one.reason, "remedy": one.remedy})
            continue
        file.write(comma + json.dumps(recording_record(one, about), ensure_ascii=False))
        comma = ",\n"
    file.write(f'\n], "problems": {json.dumps(problems, ensure_ascii=False)}}}\n')
