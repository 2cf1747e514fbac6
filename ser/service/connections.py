"""Connections: how many there may be, and how long one may stay without a request or an answer that moves on."""

import asyncio
from typing import Any

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

CHECK_S = 10.0  # a connection that did nothing from one check to the next is closed
HEAD_BYTES = 2**16  # of a request, beyond what comes with its first byte
MOST_AHEAD = 8  # requests that a client sends before it has the answer to the first


def guarded(most: int) -> type[asyncio.Protocol]:
    """Return uvicorn's protocol with at most so many connections.

    Uvicorn waits for ever for the head of a first request, for the rest of a body after its answer, and for a client
    that does not read. A head may have any size, and any number of requests may come ahead of the first answer.
    """

    class Guarded(HttpToolsProtocol):
        _check: asyncio.TimerHandle | None = None
        _in_head = False
        _head_bytes = 0

        def connection_made(self, transport: Any) -> None:
            self.since = self.loop.time()
            if len(self.connections) >= most and not self._make_room():
                self.transport = transport
                transport.abort()
                return
            super().connection_made(transport)
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            if self._check is not None:
                self._check.cancel()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            self._head_bytes = self._head_bytes + len(data) if self._in_head else 0
            if self._head_bytes > HEAD_BYTES:
                self.transport.abort()
                return
            super().data_received(data)

        def on_message_begin(self) -> None:
            self._in_head = True
            super().on_message_begin()

        def on_headers_complete(self) -> None:
            self._in_head = False
            if len(self.pipeline) >= MOST_AHEAD:
                raise ValueError("too many requests ahead")  # the parser stops, and uvicorn closes the connection
            super().on_headers_complete()

        def on_body(self, body: bytes) -> None:
            """Take a part of a body without copying it, where nothing waits before it."""
            if self.cycle.body or self.cycle.response_complete:
                super().on_body(body)
                return
            self.cycle.body = body
            if len(body) > HIGH_WATER_LIMIT:
                self.flow.pause_reading()
            self.cycle.message_event.set()

        @property
        def idle(self) -> bool:
            """Whether no request is under way."""
            return self.cycle is None or self.cycle.response_complete

        def _make_room(self) -> bool:
            """Close the oldest connection without a request; a flood of them keeps nobody out."""
            idle = [one for one in self.connections if one.idle]
            if not idle:
                return False
            min(idle, key=lambda one: one.since).transport.abort()
            return True

        def _watch(self, before: object = None) -> None:
            if self.transport.is_closing():
                self.transport.abort()
                return
            now = (self.cycle, self.idle, self.flow.write_paused)
            if now == before and (self.idle or self.flow.write_paused):
                self.transport.close()
            self._check = self.loop.call_later(CHECK_S, self._watch, now)

    return Guarded
