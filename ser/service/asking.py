"""What a request may ask: the options of `ser predict`."""

import re
from argparse import ArgumentTypeError
from http import HTTPStatus
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from ser.inference.settings import HOP_S, WINDOW_S, parse_raw
from ser.service.form import FILE, Form
from ser.service.problems import refusal

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
NO_NAME = re.compile(r"[/\\\x00-\x1f\x7f]")
LONGEST_NAME = 255


def _check_raw(text: str) -> str:
    try:
        parse_raw(text)
    except ArgumentTypeError as error:
        raise ValueError(str(error)) from None
    return text


class Asked(BaseModel):
    """The parts of the form beside the file."""

    model_config = ConfigDict(extra="forbid")

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


def check(form: Form, models: list[str]) -> tuple[Asked, dict[str, Any]]:
    """Return what is asked, and what a worker is told of it; HTTPException names everything that is wrong.

    A part without content, as a browser sends it, counts as left out.
    """
    wrong = []
    if not form.file_name or NO_NAME.search(form.file_name) or len(form.file_name) > LONGEST_NAME:
        wrong.append(f"{FILE}: its name has 1 to {LONGEST_NAME} letters, no folder and no control characters")
    asked = Asked()
    try:
        asked = Asked.model_validate({name: value for name, value in form.fields.items() if value})
    except ValidationError as error:
        wrong += [
            f"{'.'.join(map(str, one['loc']))}: {one['msg'].removeprefix('Value error, ')}"
            for one in error.errors(include_url=False)
        ]
    if asked.hop_s > asked.window_s:
        wrong.append(f"hop_s: is {asked.hop_s}; it may be {HOP_S} to window_s, {asked.window_s}")
    model = models[0] if asked.model is None else asked.model
    if model not in models:
        wrong.append(f"model: is none of {', '.join(models)}")
    if wrong:
        raise refusal(HTTPStatus.BAD_REQUEST, "; ".join(wrong))
    return asked, asked.model_dump() | {"model": model, "name": form.file_name}


def describe_form() -> dict[str, Any]:
    """Return what OpenAPI says of the form."""
    schema = Asked.model_json_schema()
    recording = {"type": "string", "format": "binary", "description": "The recording, of any kind `ser predict` reads."}
    schema |= {"properties": {FILE: recording, **schema["properties"]}, "required": [FILE]}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}
