"""Who gets in: so many requests at once, each of so many bytes, which come in time."""

import asyncio
from http import HTTPStatus

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ser.service.pool import Pool
from ser.service.problems import refusal, respond
from ser.service.settings import ServeSettings

GRACE_S = 10.0  # after which a body must have come at
SLOWEST = 64 * 2**10  # bytes a second


class Gate:
    """Refuses requests with a body before it is read, or while it is."""

    def __init__(self, app: ASGIApp, settings: ServeSettings, pool: Pool) -> None:
        self._app, self._settings, self._pool = app, settings, pool
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        if refused := self._refused(Headers(scope=scope)):
            await respond(refused)(scope, receive, send)
            return
        self._under_way += 1
        try:
            await self._app(scope, self._limited(receive), send)
        finally:
            self._under_way -= 1

    def _refused(self, headers: Headers) -> HTTPException | None:
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self._settings.max_bytes:
            return self._too_large()
        if self._under_way >= self._settings.at_once:
            detail = f"{self._under_way} requests are under way, as many as may be. Try again later."
            return refusal(HTTPStatus.TOO_MANY_REQUESTS, detail, self._pool.retry_after_s)
        return None

    def _too_large(self) -> HTTPException:
        detail = f"A request may have {self._settings.max_mb} MB. Send a shorter or a compressed recording."
        return refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)

    def _limited(self, receive: Receive) -> Receive:
        loop = asyncio.get_running_loop()
        begun, received, more = loop.time(), 0, True

        async def limited() -> Message:
            nonlocal received, more
            if not more:
                return await receive()
            try:
                async with asyncio.timeout_at(begun + GRACE_S + received / SLOWEST):
                    message = await receive()
            except TimeoutError:
                error = refusal(HTTPStatus.REQUEST_TIMEOUT, f"The body comes at less than {SLOWEST} bytes a second.")
                error.headers = {"Connection": "close"}
                raise error from None
            received += len(message.get("body", b""))
            more = message.get("more_body", False)
            if received > self._settings.max_bytes:
                raise self._too_large()
            return message

        return limited
