"""Fetch the encoder: hub, or ENCODER_SOURCE=/path/to/folder → encoders/weights."""

import dataclasses
import os
from pathlib import Path

from encoders.weights import copy_weights
from stages.ser.errors import reporting
from stages.ser.params import build, read_params
from stages.ser.sources import replacing_folder

PARAMS = Path("encoders/params.yaml")
WEIGHTS = Path("encoders/weights")


@dataclasses.dataclass(frozen=True)
class EncoderSettings:
    name: str
    revision: str


def main() -> None:
    with reporting("fetch_weights"):
        settings = build(EncoderSettings, read_params(PARAMS, "encoder"), "encoder", str(PARAMS))
        source = os.environ.get("ENCODER_SOURCE")
        with replacing_folder(WEIGHTS) as folder:
            copy_weights(settings.name, settings.revision, Path(source).expanduser() if source else None, folder)
        print(f"{settings.name} in {WEIGHTS}")


if __name__ == "__main__":
    main()
