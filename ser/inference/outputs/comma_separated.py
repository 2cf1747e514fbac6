"""All rows → CSV."""

import csv
from collections.abc import Iterable
from typing import TextIO

from ser.corpora.emotions import EMOTIONS
from ser.inference.outputs.about import About
from ser.inference.outputs.records import row_record
from ser.inference.rows import Heard, Problem

COLUMNS = ("recording", "channel", "begin_s", "end_s", "label", "emotion", "confidence", *EMOTIONS)


def write(found: Iterable[Heard | Problem], about: About, file: TextIO) -> None:
    """Write a line a row; what a row does not have is empty."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in found:
        for row in one.rows if isinstance(one, Heard) else ():
            record = {"recording": one.name} | row_record(row, about.min_confidence)
            values = record | (record["probabilities"] or {})
            writer.writerow([values.get(column) for column in COLUMNS])
