"""Fetch an encoder: its server, or ENCODER_SOURCE=/path/to/folder → studies/encoders/weights/<encoder>."""

import argparse
import dataclasses
from pathlib import Path

from ser.encoders.published import FILES, copy_published
from ser.encoders.weights import copy_weights
from ser.storage.errors import reporting
from ser.storage.files import replacing_folder
from ser.storage.given import given_path
from ser.storage.params import build, read_params

PARAMS = Path("studies/encoders/params.yaml")
WEIGHTS = Path("studies/encoders/weights")


@dataclasses.dataclass(frozen=True)
class SourceSettings:
    name: str
    revision: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("encoder", help=f"a key of `sources` in {PARAMS}")
    encoder = parser.parse_args().encoder
    with reporting("fetch_weights"):
        sources = read_params(PARAMS, "sources")
        if encoder not in sources:
            raise ValueError(f"{PARAMS}: sources has no {encoder!r}; it has {sorted(sources)}")
        settings = build(SourceSettings, sources[encoder], f"sources.{encoder}", str(PARAMS))
        copy = copy_published if settings.name in FILES else copy_weights
        with replacing_folder(WEIGHTS / encoder) as folder:
            copy(settings.name, settings.revision, given_path("ENCODER_SOURCE"), folder)
        print(f"{settings.name} in {WEIGHTS / encoder}")


if __name__ == "__main__":
    main()
