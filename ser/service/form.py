"""A multipart body → fields and a file, while it comes in.

Starlette's own way takes twice as long for a file of 0.4 MB. The file has no name on the disk: it is gone when nobody
has it open, whatever was killed.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import BinaryIO

from fastapi import Request
from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect

from ser.service.problems import refusal

FILE = "file"  # the name of the part that is a recording
MOST_PARTS, MOST_BYTES = 16, 256  # parts; bytes of one that is no file
SMALL = 2**20  # bytes that are written without a thread: they stay in the system's memory


class Form:
    """What has come so far."""

    def __init__(self, boundary: bytes) -> None:
        self.fields: dict[str, str] = {}
        self.file: BinaryIO | None = None
        self.file_name = ""
        self._header, self._headers = [b"", b""], {}
        self._name, self._value = "", bytearray()
        self._parts = self._written = 0
        self._whole = False
        self._pieces: list[memoryview] = []
        callbacks = {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, begin, end: self._add_header(0, data[begin:end]),
            "on_header_value": lambda data, begin, end: self._add_header(1, data[begin:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._name_part,
            "on_part_data": self._add,
            "on_part_end": self._end_part,
            "on_end": self._finish,
        }
        self._parser = MultipartParser(boundary, callbacks)

    async def read(self, body: AsyncIterator[bytes]) -> None:
        """Take a whole body; HTTPException says what is wrong with it."""
        async for chunk in body:
            self._parser.write(chunk)
            if self._written < SMALL:
                self._write()
            else:
                await asyncio.to_thread(self._write)
        if not self._whole:
            raise refusal(HTTPStatus.BAD_REQUEST, "the body is no multipart/form-data, or was cut")
        if self.file is None:
            raise refusal(HTTPStatus.BAD_REQUEST, f"no part is called `{FILE}`; the recording shall be in it")

    def close(self) -> None:
        if self.file is not None:
            self.file.close()

    def _begin(self) -> None:
        self._headers, self._value = {}, bytearray()
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise refusal(HTTPStatus.BAD_REQUEST, f"more than {MOST_PARTS} parts")

    def _add_header(self, place: int, data: bytes) -> None:
        self._header[place] += data

    def _end_header(self) -> None:
        self._headers[self._header[0].lower()] = self._header[1]
        self._header = [b"", b""]

    def _name_part(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        self._name = _decoded(options.get(b"name", b""))
        if self._name in self.fields or (self._name == FILE and self.file is not None):
            raise refusal(HTTPStatus.BAD_REQUEST, f"`{self._name}` is there twice; one recording a request")
        if self._name == FILE:
            self.file_name = _decoded(options.get(b"filename", b""))
            self.file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 (closed by `close`)

    def _add(self, data: bytes, begin: int, end: int) -> None:
        if self._name == FILE:
            self._pieces.append(memoryview(data)[begin:end])
            return
        self._value += data[begin:end]
        if len(self._value) > MOST_BYTES:
            raise refusal(HTTPStatus.BAD_REQUEST, f"a part has more than {MOST_BYTES} bytes; only `{FILE}` may")

    def _finish(self) -> None:
        self._whole = True

    def _end_part(self) -> None:
        if self._name != FILE:
            self.fields[self._name] = _decoded(bytes(self._value))

    def _write(self) -> None:
        for piece in self._pieces:
            while piece:
                written = self.file.write(piece)
                self._written += written
                piece = piece[written:]
        self._pieces.clear()


async def read_form(request: Request) -> Form:
    """Read a request's form, which the caller closes; HTTPException says what is wrong with it."""
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        found = kind.decode("latin-1")[:80] or "nothing"
        detail = f"the body is {found}; it shall be multipart/form-data with a boundary"
        raise refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)
    try:
        form = Form(options[b"boundary"])
    except FormParserError:
        raise refusal(HTTPStatus.BAD_REQUEST, "the boundary is none") from None
    try:
        await form.read(request.stream())
    except BaseException as error:
        form.close()
        if isinstance(error, FormParserError):
            raise refusal(HTTPStatus.BAD_REQUEST, "the body is no multipart/form-data") from None
        if isinstance(error, ClientDisconnect):  # nobody reads this
            raise refusal(HTTPStatus.BAD_REQUEST, "the body was cut") from None
        if isinstance(error, OSError):
            raise refusal(HTTPStatus.INSUFFICIENT_STORAGE, "there is no room for the recording now", 10) from None
        raise
    return form


def _decoded(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")
