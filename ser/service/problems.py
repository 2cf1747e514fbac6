"""Answers that say what went wrong (RFC 9457), without a path or a stack trace."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

MEDIA_TYPE = "application/problem+json"
FAILED = "The service failed. Its operator sees why."
SCHEMA = {
    "type": "object",
    "required": ["title", "status", "detail"],
    "properties": {"title": {"type": "string"}, "status": {"type": "integer"}, "detail": {"type": "string"}},
}


def refusal(status: int, detail: str, retry_after_s: int | None = None) -> HTTPException:
    """Return what to raise; retry_after_s: when to ask again."""
    headers = None if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return HTTPException(status, detail, headers)


def respond(error: StarletteHTTPException) -> JSONResponse:
    """Return the answer to a refused request."""
    status, title = error.status_code, HTTPStatus(error.status_code).phrase
    content = {"title": title, "status": status, "detail": str(error.detail)}
    return JSONResponse(content, status, error.headers, MEDIA_TYPE)


def describe(meaning: str) -> dict[str, Any]:
    """Return what OpenAPI says of such an answer."""
    return {"description": meaning, "content": {MEDIA_TYPE: {"schema": SCHEMA}}}


def answer_problems(app: FastAPI) -> None:
    """Let every failure of an app be answered so."""

    @app.exception_handler(StarletteHTTPException)
    async def refused(request: Request, error: StarletteHTTPException) -> JSONResponse:
        return respond(error)

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> JSONResponse:
        return respond(refusal(HTTPStatus.INTERNAL_SERVER_ERROR, FAILED))
