"""Who may ask, and what every answer says to a browser."""

import ipaddress
import time
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ser.service.metrics import Metrics
from ser.service.problems import refusal, respond

# Of every answer that does not say otherwise
HEADERS = [
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
]
COUNTED = ("/v1/predict", "/v1/models", "/healthz", "/readyz", "/metrics")


class Guard:
    """Refuses requests that another site's page makes, adds headers, and counts answers."""

    def __init__(self, app: ASGIApp, allowed: tuple[str, ...], metrics: Metrics) -> None:
        self._app, self._allowed, self._metrics = app, allowed, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, path = time.perf_counter(), scope["path"] if scope["path"] in COUNTED else "other"

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(one for one in HEADERS if one[0] not in said)]
                self._metrics.answers.labels(path, str(message["status"])).inc()
                if path == "/v1/predict":
                    self._metrics.seconds.observe(time.perf_counter() - begun)
            await send(message)

        app = self._app
        if scope["method"] not in ("GET", "HEAD") and not self._may(Headers(scope=scope), scope["scheme"]):
            app = respond(
                refusal(HTTPStatus.FORBIDDEN, "Pages of another origin may not ask, unless the operator says so.")
            )
        await app(scope, receive, guarded)

    def _may(self, headers: Headers, scheme: str) -> bool:
        """Whether no page asks, or one that may.

        A page's own origin counts only if its host is an address or `localhost`: any other name can be made to point
        here by whoever owns it (DNS rebinding).
        """
        origin, host = headers.get("origin"), headers.get("host", "")
        if origin is None or origin in self._allowed:
            return True
        return origin == f"{scheme}://{host}" and _is_fixed(host)


def _is_fixed(host: str) -> bool:
    name = host.partition("]")[0].strip("[") if host.startswith("[") else host.partition(":")[0]
    if name == "localhost":
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
