"""A service in processes of its own, and requests to it as bytes, so that they may be as odd as an attacker's."""

import contextlib
import dataclasses
import http.client
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.demo import ROOT

START_S = 60
BOUNDARY = "7d1b0f6c2f3e4a5b8c9d0e1f2a3b4c5d"


@dataclasses.dataclass(frozen=True)
class Answer:
    """headers: names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


@dataclasses.dataclass(frozen=True)
class Service:
    """A service that runs."""

    process: subprocess.Popen
    port: int
    folder: Path  # for its temporary files
    log: Path

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, b"", headers)

    def post(
        self, content: bytes, name: str = "a.wav", headers: dict[str, str] | None = None, **fields: object
    ) -> Answer:
        """Post a recording."""
        return self.ask("POST", "/v1/predict", form(content, name, **fields), FORM_HEADERS | (headers or {}))

    def ask(self, method: str, path: str, body: bytes, headers: dict[str, str], timeout_s: float = 60) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        with contextlib.closing(connection):
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            return read_answer(connection.getresponse())

    def connect(self, timeout_s: float = 60) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout_s)

    def workers(self) -> list[int]:
        """The processes that hear."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii")
        return [int(child) for child in children.split()]

    def wait_until_ready(self, workers: int) -> None:
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            answer = self.get("/readyz")
            if answer.status == 200 and answer.document["workers"] >= workers:
                return
            time.sleep(0.05)
        raise TimeoutError(self.log.read_text(encoding="utf-8"))


FORM_HEADERS = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def form(content: bytes, name: str, **fields: object) -> bytes:
    """Return a body as a client sends it."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
        for key, value in fields.items()
    ]
    file = f'Content-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: audio/wav'
    head = f"--{BOUNDARY}\r\n{file}\r\n\r\n"
    return "".join(parts).encode() + head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


def request(body: bytes) -> bytes:
    """Return a whole request to hear."""
    head = f"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + f"Content-Type: {FORM_HEADERS['Content-Type']}\r\n\r\n".encode() + body


def read_answer(response: http.client.HTTPResponse) -> Answer:
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, response.read())


def peak_mib(process: int) -> float:
    """The most memory that a process has had."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


@contextlib.contextmanager
def served(*options: str, most_bytes: int = resource.RLIM_INFINITY) -> Iterator[Service]:
    """Run `ser serve` on a free port; RuntimeError shows what it printed if it does not start.

    most_bytes: of a file that it writes, as on a full disk.
    """
    with tempfile.TemporaryDirectory() as name:
        folder, log = Path(name) / "temporary", Path(name) / "log"
        folder.mkdir()
        with log.open("wb") as messages:
            process = subprocess.Popen(
                [sys.executable, "-m", "ser.inference", "serve", "--port", "0", *options],
                stderr=messages,
                cwd=ROOT,
                env={**os.environ, "TMPDIR": str(folder)},
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes)),
            )
        try:
            yield Service(process, _port(process, log), folder, log)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _port(process: subprocess.Popen, log: Path) -> int:
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        if found := re.search(r"listening on http://.*:(\d+)/", log.read_text(encoding="utf-8")):
            return int(found[1])
        time.sleep(0.02)
    raise RuntimeError(log.read_text(encoding="utf-8"))
