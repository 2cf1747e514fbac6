"""Clients that post clips to a service for so long, compare each answer with the command's, and print what came of it.

A client that is told 503 or 429 asks again. It uses bare sockets: it shall take as little as can be of the processors
that it shares with the service.
"""

import argparse
import concurrent.futures
import contextlib
import http.client
import json
import os
import random
import socket
import time
from pathlib import Path
from typing import Any

import numpy as np

BOUNDARY = "7d1b0f6c2f3e4a5b8c9d0e1f2a3b4c5d"
ROUNDING = 2e-6  # of probabilities with six decimals: neighbours in a batch change the seventh
AGAIN_S = 0.05
LIMIT_S = 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("expected", type=Path, help="what `ser predict --format json` printed of the clips")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=60)
    arguments = parser.parse_args()
    expected = json.loads(arguments.expected.read_text(encoding="utf-8"))["recordings"]
    until = time.perf_counter() + arguments.seconds
    with concurrent.futures.ThreadPoolExecutor(arguments.clients) as threads:
        begun = time.perf_counter()
        clients = threads.map(lambda seed: _ask_until(until, arguments.port, expected, seed), range(arguments.clients))
        told = [one for client in clients for one in client]
        seconds = time.perf_counter() - begun
    outcomes = {name: sum(outcome == name for outcome, _ in told) for name in ("right", "wrong", "refused", "lost")}
    answered_s = [took for outcome, took in told if outcome in ("right", "wrong")]
    quantiles = dict(
        zip(("p50_s", "p95_s", "p99_s", "most_s"), np.quantile(answered_s, (0.5, 0.95, 0.99, 1)), strict=True)
    )
    print(json.dumps(outcomes | {"seconds": seconds, "a_second": outcomes["right"] / seconds} | quantiles))


def _ask_until(until: float, port: int, expected: list[dict[str, Any]], seed: int) -> list[tuple[str, float]]:
    """Return an outcome and its seconds for each request of one client."""
    chosen, told = random.Random(seed), []
    connection = None
    while time.perf_counter() < until:
        recording = chosen.choice(expected)
        begun = time.perf_counter()
        try:
            connection = connection or socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S)
            status, body = _post(connection, Path(recording["recording"]))
            outcome = "refused" if status in (429, 503) else "right" if _agrees(status, body, recording) else "wrong"
        except (OSError, http.client.HTTPException):
            outcome = "lost"
            with contextlib.suppress(AttributeError):
                connection.close()
            connection = None
        told.append((outcome, time.perf_counter() - begun))
        if outcome == "refused":
            time.sleep(AGAIN_S)
    return told


def _post(connection: socket.socket, path: Path) -> tuple[int, bytes]:
    part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{path.name}"\r\n\r\n'.encode()
    end = f"\r\n--{BOUNDARY}--\r\n".encode()
    with path.open("rb") as file:
        size = len(part) + os.fstat(file.fileno()).st_size + len(end)
        head = f"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {size}\r\n"
        head += f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
        connection.sendall(head.encode() + part, socket.MSG_MORE)
        connection.sendfile(file)
        connection.sendall(end)
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return answer.status, answer.read()


def _agrees(status: int, body: bytes, expected: dict[str, Any]) -> bool:
    if status != 200:
        return False
    [found] = json.loads(body)["recordings"]
    return found["recording"] == Path(expected["recording"]).name and _near(found["rows"], expected["rows"])


def _near(found: Any, expected: Any) -> bool:
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(_near(found[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(_near, found, expected))
    return abs(found - expected) <= ROUNDING if isinstance(expected, float) else found == expected


if __name__ == "__main__":
    main()
