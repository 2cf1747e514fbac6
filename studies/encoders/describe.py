"""Say how large an encoder is: weights/<encoder> → tables/sizes/<encoder>.json."""

import argparse
from pathlib import Path

from ser.encoders.size import size_of
from ser.storage.errors import reporting
from ser.storage.files import write_json

WEIGHTS = Path("studies/encoders/weights")
SIZES = Path("studies/encoders/tables/sizes")
DIGITS = 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("encoder", help=f"a folder in {WEIGHTS}")
    encoder = parser.parse_args().encoder
    with reporting("describe"):
        write_json(size_of(WEIGHTS / encoder), SIZES / f"{encoder}.json", DIGITS)


if __name__ == "__main__":
    main()
