"""Connections: how many there may be, and how long one may stay without a request or an answer that moves on."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

CHECK_S = 10.0  # a connection that did nothing from one check to the next is closed


def guarded(most: int) -> type[asyncio.Protocol]:
    """Return uvicorn's protocol with at most so many connections.

    Uvicorn waits for ever for the head of a first request, for the rest of a body after its answer, and for a client
    that does not read.
    """

    class Guarded(H11Protocol):
        _check: asyncio.TimerHandle | None = None

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
