"""Parse names, measure every clip and find duplicates: data/raw → data/clips.csv."""

from pathlib import Path

from ser.corpora.catalogue import find_corpus
from ser.corpora.clips import measure_folder, require_emotions, split_off_others, summarise
from ser.storage.errors import reporting
from ser.storage.files import write_table
from ser.storage.params import read_value

PARAMS = Path("params.yaml")
RAW = Path("data/raw")
CLIPS = Path("data/clips.csv")
DIGITS = 4  # 0.1 ms and 0.0001 dB


def main() -> None:
    with reporting("ingest"):
        corpus = find_corpus(read_value(PARAMS, "corpus.name", str))
        clips, others = split_off_others(measure_folder(RAW, corpus))
        for emotion, count in others.items():
            print(f"left out: {count} clips of {emotion}, none of the eight emotions")
        require_emotions(clips, RAW)
        write_table(clips, CLIPS, DIGITS)
        print(summarise(clips))


if __name__ == "__main__":
    main()
