"""What a request may ask: a file, and the options of `ser predict`."""

import re
from argparse import ArgumentTypeError
from typing import Annotated, Any, Literal

from fastapi import UploadFile
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from ser.inference.settings import HOP_S, WINDOW_S, parse_raw

# Format: the media type of its answer
MEDIA_TYPES = {
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "table": "text/plain; charset=utf-8",
    "audacity": "text/plain; charset=utf-8",
    "textgrid": "text/plain; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
}
FORM = {"max_files": 1, "max_fields": 16, "max_part_size": 256}  # of names and values
NO_NAME = re.compile(r"[/\\\x00-\x1f\x7f]")
LONGEST_NAME = 255


def _check_raw(text: str) -> str:
    try:
        parse_raw(text)
    except ArgumentTypeError as error:
        raise ValueError(str(error)) from None
    return text


class Asked(BaseModel):
    """The parts of the form."""

    model_config = ConfigDict(extra="forbid")

    file: Annotated[UploadFile, Field(description="The recording, of any format that `ser predict` reads.")]
    model: Annotated[str | None, Field(description="A name of /v1/models. Default: the first.")] = None
    format: Annotated[Literal[tuple(MEDIA_TYPES)], Field(description="Of the answer.")] = "json"  # type: ignore[valid-type]
    window_s: Annotated[float, Field(ge=WINDOW_S[0], le=WINDOW_S[1], description="Seconds that an answer hears.")] = 3.0
    hop_s: Annotated[float, Field(ge=HOP_S, description="Seconds between answers; at most `window_s`.")] = 1.0
    min_confidence: Annotated[
        float | None, Field(ge=0, le=1, description='Below it: "uncertain". Default: the model\'s.')
    ] = None
    channels: Annotated[Literal["mix", "separate"], Field(description="Their mean, or each for itself.")] = "mix"
    raw: Annotated[
        str | None,
        AfterValidator(_check_raw),
        Field(description="What the file holds if it is samples without a header, as `16000,1,s16`."),
    ] = None

    @model_validator(mode="after")
    def _check(self) -> "Asked":
        if self.hop_s > self.window_s:
            raise ValueError(f"hop_s is {self.hop_s}; it may be {HOP_S} to window_s, {self.window_s}")
        name = self.file.filename or ""
        if not name or NO_NAME.search(name) or len(name) > LONGEST_NAME:
            raise ValueError(f"the file's name has 1 to {LONGEST_NAME} letters, no folder and no control characters")
        return self

    def job(self, model: str) -> dict[str, Any]:
        """Return what a worker is told: all but the file."""
        return self.model_dump(exclude={"file"}) | {"model": model, "name": self.file.filename}
