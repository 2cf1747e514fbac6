"""Parse names, measure every clip and find duplicates: raw/<corpus> → tables/<corpus>.csv.

Clips of emotions outside the eight stay in the table; they are counted, and no model learns from them.
"""

import argparse

from ser.corpora.any_table import TABLE, has_speakers, measure_table
from ser.corpora.catalogue import CORPORA
from ser.corpora.clips import measure_folder, split_off_others, summarise
from ser.storage.errors import reporting
from ser.storage.files import write_table
from studies.outside.corpora.settings import PARAMS, PROJECT

DIGITS = 4  # 0.1 ms and 0.0001 dB


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", help=f"one of corpora.fetched in {PARAMS}")
    name = parser.parse_args().corpus
    with reporting("ingest"):
        ingest(name)


def ingest(name: str) -> None:
    """Write the clip table of a corpus, with the column split where its own table gives one."""
    raw = PROJECT / "raw" / name
    clips = measure_table(name, raw) if (raw / TABLE).exists() else measure_folder(raw, CORPORA[name])
    write_table(clips, PROJECT / f"tables/{name}.csv", DIGITS)
    known, others = split_off_others(clips)
    print(summarise(known))
    for emotion, count in others.items():
        print(f"not learned: {count} clips of {emotion}, none of the eight emotions")
    if not has_speakers(clips):
        print("speakers unknown: each clip counts as one. Folds within the corpus are then not speaker-independent.")


if __name__ == "__main__":
    main()
