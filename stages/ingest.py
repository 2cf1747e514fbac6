"""Parse names, measure every clip and find duplicates: data/raw → data/clips.csv."""

from pathlib import Path

from ser.corpora.clips import measure_folder, require_emotions, summarise
from ser.storage.errors import reporting
from ser.storage.files import write_table

RAW = Path("data/raw")
CLIPS = Path("data/clips.csv")
DIGITS = 4  # 0.1 ms and 0.0001 dB


def main() -> None:
    with reporting("ingest"):
        clips = measure_folder(RAW)
        require_emotions(clips, RAW)
        write_table(clips, CLIPS, DIGITS)
        print(summarise(clips))


if __name__ == "__main__":
    main()
