"""`ser serve`: answers until it is told to stop, and finishes what is under way."""

import asyncio
import contextlib
import logging
import resource
import signal
import socket
import sys
from pathlib import Path

import uvicorn

from ser.inference.bundles import Bundle, find_bundle
from ser.service.app import build
from ser.service.connections import guarded
from ser.service.gate import GRACE_S
from ser.service.page import find_page
from ser.service.pool import WAIT_S, Pool, log
from ser.service.settings import ServeSettings

FILES_BESIDE = 256  # open ones that are no connection


def serve(settings: ServeSettings) -> None:
    """Serve until SIGTERM or SIGINT; ValueError or OSError says why it cannot."""
    bundles = _find(settings.model)
    page = find_page(settings.page)
    _allow_files(settings.connections + settings.at_once + FILES_BESIDE)
    logging.basicConfig(stream=sys.stderr, format="ser: %(message)s", level=logging.ERROR)
    log.setLevel(logging.WARNING)  # the others' warnings are about requests that are no HTTP or no form
    with _listen(settings) as listening:
        asyncio.run(_serve(settings, bundles, page, listening))


async def _serve(settings: ServeSettings, bundles: list[Bundle], page: Path | None, listening: socket.socket) -> None:
    pool = Pool(settings, [bundle.folder.absolute() for bundle in bundles])
    try:
        await pool.start()
        config = uvicorn.Config(
            build(settings, bundles, pool, page),
            http=guarded(settings.connections),
            ws="none",
            lifespan="off",
            log_config=None,
            log_level=logging.ERROR,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=60,  # connections.py closes them sooner
            timeout_graceful_shutdown=settings.timeout_s + WAIT_S + round(GRACE_S),
        )
        for one in (signal.SIGINT, signal.SIGTERM):  # uvicorn raises them anew once it has finished
            signal.signal(one, lambda *_: None)
        print(f"ser: listening on {_address(listening)}; Ctrl-C stops it", file=sys.stderr, flush=True)
        await uvicorn.Server(config).serve([listening])
    finally:
        await pool.stop()


def _find(names: tuple[str, ...]) -> list[Bundle]:
    bundles = [find_bundle(name) for name in names]
    called = [bundle.name for bundle in bundles]
    if twice := {name for name in called if called.count(name) > 1}:
        raise ValueError(f"--model: several folders are called {', '.join(twice)}. Rename one: a request names it so.")
    return bundles


def _listen(settings: ServeSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listening = socket.create_server((settings.host, settings.port), family=family, backlog=1024)
    except OSError as error:
        reason = f"{settings.host}:{settings.port}: {error.strerror or error}"
        raise OSError(f"{reason}. Give another --port, or 0 for any that is free.") from error
    # asyncio sets it on its own sockets alone; without it, each answer waits 40 ms for the client's acknowledgement
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _allow_files(needed: int) -> None:
    low, high = resource.getrlimit(resource.RLIMIT_NOFILE)
    if low < needed:
        with contextlib.suppress(ValueError, OSError):
            most = needed if high == resource.RLIM_INFINITY else min(needed, high)
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, high))
