"""All rows → a JSON object a line (`line` in timeline.schema.json)."""

import json
from collections.abc import Iterable
from typing import TextIO

from ser.inference.outputs.about import About
from ser.inference.outputs.records import row_record
from ser.inference.rows import Heard, Problem


def write(found: Iterable[Heard | Problem], about: About, file: TextIO) -> None:
    """Write the rows of each recording as soon as it is heard."""
    for one in found:
        for row in one.rows if isinstance(one, Heard) else ():
            record = {"recording": one.name} | row_record(row, about.min_confidence)
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
        file.flush()
