"""Attacks on a service, on loopback and bounded: each returns what was answered. `python -m tests.attacking` tries them
all at full size and prints the table of docs/SERVICE.md."""

import collections
import concurrent.futures
import contextlib
import dataclasses
import functools
import io
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile

from scripts.serving import BOUNDARY, FORM_HEADERS, Service, form, peak_mib, request, served
from ser.service.connections import CHECK_S
from ser.service.gate import GRACE_S
from tests.test_predict_damage import KINDS, write_damaged
from tests.test_reading import write_film
from tests.tiny_bundle import speech, write_bundle

RATE_HZ = 48_000
CLOSED = "closed"
HOURS = 10.0


def wav(sound: np.ndarray) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, sound, RATE_HZ, format="WAV")
    return file.getvalue()


def damaged(service: Service, count: int) -> collections.Counter:
    """Files of all kinds that are cut, have changed bytes, or a header that lies."""
    with tempfile.TemporaryDirectory() as name:
        folder, whole = Path(name), {}
        for kind, how in KINDS.items():
            path = folder / f"whole-{kind}"
            if isinstance(how, str):
                write_film(path, how, np.stack([speech(), speech()], axis=1))
            else:
                soundfile.write(path, speech(), RATE_HZ, format=how[0], subtype=how[1])
            whole[kind] = path.read_bytes()
            path.unlink()
        write_damaged(whole, folder, count)
        contents = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        return collections.Counter(
            threads.map(lambda item: str(service.post(item[1], item[0]).status), contents.items())
        )


@functools.cache
def silence(hours: float) -> bytes:
    """A small file of a long recording."""
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", 16_000, 1, "PCM_16", format="FLAC") as flac:
        for _ in range(round(hours * 60)):
            flac.write(np.zeros(16_000 * 60, dtype=np.int16))
    return file.getvalue()


def silent_flac(service: Service, hours: float) -> collections.Counter:
    """Hours of silence in a small file."""
    return collections.Counter([str(service.post(silence(hours), "silence.flac").status)])


def costly(service: Service) -> collections.Counter:
    """Recordings that need much time or memory for their size."""
    channels = np.tile(speech()[:RATE_HZ, None], (4, 32)) * 0.5  # 4 s at 48 kHz, played at 192
    file = io.BytesIO()
    soundfile.write(file, channels, 192_000, format="WAV", subtype="PCM_16")
    fine = {"window_s": 0.5, "hop_s": 0.1}
    long = io.BytesIO()
    soundfile.write(long, np.tile(speech()[::6], 800)[: 8_000 * 1790], 8_000, format="WAV", subtype="PCM_U8")
    odd = io.BytesIO()
    soundfile.write(odd, np.tile(speech(), 40), 191_999, format="WAV")
    asked = [(file, {"channels": "separate"}), (long, fine), (odd, fine)]
    return collections.Counter(str(service.post(one.getvalue(), **options).status) for one, options in asked)


def large_body(service: Service, size: int, chunked: bool) -> collections.Counter:
    """A body of so many bytes, sent on whatever is answered."""
    block = bytes(2**20)
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
    head = f"POST /v1/predict HTTP/1.1\r\nHost: a\r\n{framing}\r\nContent-Type: {FORM_HEADERS['Content-Type']}\r\n\r\n"
    with service.connect() as connection:
        with contextlib.suppress(OSError):
            connection.sendall(head.encode() + _framed(form(b"", "a.wav")[: -len(BOUNDARY) - 8], chunked))
            for _ in range(size // len(block)):
                connection.sendall(_framed(block, chunked))
        return collections.Counter([_answered(connection)])


def _framed(content: bytes, chunked: bool) -> bytes:
    return f"{len(content):x}\r\n".encode() + content + b"\r\n" if chunked else content


def slow_bodies(service: Service, count: int) -> collections.Counter:
    """Requests whose bodies come a byte a second."""
    return _drip(service, count, [request(form(wav(speech()), "a.wav"))[:400]] * count)


def slow_heads(service: Service, count: int) -> collections.Counter:
    """Requests whose heads come a byte a second."""
    return _drip(service, count, [b"POST /v1/predict HTTP/1.1\r\nX-A: b"] * count)


def idle_connections(service: Service, count: int) -> collections.Counter:
    """Connections on which nothing comes."""
    return _drip(service, count, [b""] * count, drip=b"")


def _drip(service: Service, count: int, begins: list[bytes], drip: bytes = b"a") -> collections.Counter:
    """Hold connections until the service ends each; an honest client is served meanwhile."""
    open_ones: list[socket.socket] = []
    for begin in begins:
        connection = service.connect()
        connection.setblocking(False)
        with contextlib.suppress(OSError):
            connection.send(begin)
        open_ones.append(connection)
    found: collections.Counter = collections.Counter()
    end = time.monotonic() + 2 * CHECK_S + GRACE_S + 10
    honest(service)
    while open_ones and time.monotonic() < end:
        time.sleep(1)
        for connection in [*open_ones]:
            try:
                if drip:
                    connection.send(drip)
                told = connection.recv(4096)
            except BlockingIOError:
                continue
            except OSError:
                told = b""
            open_ones.remove(connection)
            connection.close()
            found[_status(told)] += 1
    for connection in open_ones:
        connection.close()
    honest(service)
    return found + collections.Counter({"still open": len(open_ones)})


def unread_answers(service: Service, count: int) -> collections.Counter:
    """Clients that ask and ask, and read nothing."""
    asking = [socket.socket() for _ in range(count)]
    for connection in asking:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", service.port))
    ended: set[socket.socket] = set()
    end = time.monotonic() + 6 * CHECK_S
    while len(ended) < count and time.monotonic() < end:
        for connection in [one for one in asking if one not in ended]:
            try:
                connection.setblocking(False)
                connection.send(b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n")
            except BlockingIOError:
                time.sleep(0.01)
            except OSError:
                ended.add(connection)
        time.sleep(0.02)
    for connection in asking:
        connection.close()
    return collections.Counter({CLOSED: len(ended)}) + collections.Counter({"still open": count - len(ended)})


def requests_ahead(service: Service, count: int) -> collections.Counter:
    """Thousands of requests at once on each connection."""
    return _drip(service, count, [b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n" * 5000] * count, drip=b"")


def odd_names(service: Service) -> collections.Counter:
    """Names that could be paths, commands or markup."""
    names = [
        "../../etc/passwd",
        "..\\..\\a.wav",
        "/etc/passwd",
        "a\0.wav",
        "a\r\nX: y",
        "$(id).wav",
        "<script>.wav",
        "a" * 5000,
    ]
    names += ["%2e%2e%2fa.wav", "CON", "-rf", "; rm -rf .wav", "\u202egpj.wav", "file:///etc/passwd", "\\\\host\\a.wav"]
    return collections.Counter(str(service.post(wav(speech()), name).status) for name in names)


def polyglots(service: Service) -> collections.Counter:
    """Files that are, or claim to be, something else as well: none may be opened as a list of others."""
    sound, playlist = wav(speech()), b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n"
    concat = b"ffconcat version 1.0\nfile /etc/passwd\n"
    files = {
        "list.m3u8": playlist,
        "list.wav": playlist,
        "list.ffconcat": concat,
        "zip.wav": sound + b"PK\x05\x06" + bytes(18),
        "html.wav": b"<html><script>alert(1)</script>" + sound,
        "pdf.wav": b"%PDF-1.4\n" + sound,
        "script.wav": b"#!/bin/sh\nid\n" + sound,
        "twice.wav": sound + sound,
        "flac.wav": b"fLaC" + sound,
        "ogg.wav": b"OggS" + sound,
        "id3.mp3": b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + sound,
        "svg.mp4": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        "sdp.wav": b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n",
        "empty.wav": b"",
    }
    return collections.Counter(str(service.post(content, name).status) for name, content in files.items())


def wrong_types(service: Service) -> collections.Counter:
    """Bodies that are no form, forms that are none inside, and parts of too many or too large."""
    sound, found = form(wav(speech()), "a.wav"), []
    kinds = ("application/json", "audio/wav", "text/plain", "application/x-www-form-urlencoded", "multipart/mixed")
    kinds += ("multipart/form-data", "multipart/form-data; boundary=", f"multipart/form-data; boundary={'x' * 300}")
    found += [service.ask("POST", "/v1/predict", sound, {"Content-Type": kind}) for kind in kinds]
    bodies = [sound[:-10], sound[:50], sound[:-4] + b"\r\n" + sound, b"\r\n" * 100_000, b"--" * 100_000]
    bodies += [
        form(b"x", "a.wav", **{f"x{index}": index for index in range(1000)}),
        form(b"x", "a.wav", window_s="9" * 2**20),
    ]
    bodies += [f"--{BOUNDARY}\r\n".encode() + b"A: b\r\n" * 100_000, f"--{BOUNDARY}\r\nA: ".encode() + b"b" * 2**20]
    found += [service.ask("POST", "/v1/predict", body, FORM_HEADERS) for body in bodies]
    return collections.Counter(str(answer.status) for answer in found)


def odd_requests(service: Service) -> collections.Counter:
    """What is no HTTP, or HTTP that two readers could take for two things (request smuggling)."""
    head = b"POST /v1/predict HTTP/1.1\r\nHost: a\r\n"
    requests = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
        b"GET / HTTP/9.9\r\n\r\n",
        b"NONSENSE\r\n\r\n",
        head + b"Content-Length: -1\r\n\r\n",
        head + b"Content-Length: 99999999999999999999999\r\n\r\n",
        head + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        head + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        head + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        b"GET / HTTP/1.1\r\nA: " + b"x" * 2**22,
        b"GET / HTTP/1.1\r\n" + b"A: x\r\n" * 2**18,
        b"GET /" + b"x" * 2**22,
        b"GET /v1/../../etc/passwd HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    ]
    found = collections.Counter()
    for content in requests:
        with service.connect(2 * CHECK_S + 10) as connection:
            with contextlib.suppress(OSError):
                connection.sendall(content)
                connection.shutdown(socket.SHUT_WR)
            found[_answered(connection)] += 1
    return found


def many_at_once(service: Service, count: int) -> collections.Counter:
    """More requests than may wait."""
    body = form(wav(speech()), "a.wav")
    with concurrent.futures.ThreadPoolExecutor(count) as threads:
        ask = lambda _: service.ask("POST", "/v1/predict", body, FORM_HEADERS, 120)  # noqa: E731
        return collections.Counter(str(answer.status) for answer in threads.map(ask, range(count)))


def honest(service: Service) -> float:
    """Return how long a clip takes; AssertionError if it is not heard."""
    began = time.monotonic()
    for _ in range(20):
        answer = service.post(wav(speech()))
        if answer.status == 200:
            return time.monotonic() - began
        assert answer.status in (429, 503), answer
        time.sleep(1)
    raise AssertionError("an honest client is kept out")


def _answered(connection: socket.socket) -> str:
    try:
        return _status(connection.recv(4096))
    except OSError:
        return CLOSED


def _status(told: bytes) -> str:
    return told[9:12].decode() if told.startswith(b"HTTP/1.1 ") else CLOSED


ATTACKS: dict[str, Callable[[Service], collections.Counter]] = {
    "500 damaged files": lambda service: damaged(service, 500),
    "10 hours of silence in a FLAC of 3 MB": lambda service: silent_flac(service, HOURS),
    "32 channels; half an hour, ten answers a second; 191 999 Hz": costly,
    "a body of 2 GB": lambda service: large_body(service, 2**31, chunked=False),
    "a body of 2 GB that does not say so": lambda service: large_body(service, 2**31, chunked=True),
    "200 bodies, a byte a second": lambda service: slow_bodies(service, 200),
    "200 heads, a byte a second": lambda service: slow_heads(service, 200),
    "1000 connections on which nothing comes": lambda service: idle_connections(service, 1000),
    "10 clients that ask on and read nothing": lambda service: unread_answers(service, 10),
    "50 connections with 5000 requests ahead": lambda service: requests_ahead(service, 50),
    "200 requests at once": lambda service: many_at_once(service, 200),
    "15 names with `../`, control characters, markup": odd_names,
    "14 polyglots, playlists and other files": polyglots,
    "17 wrong content types and forms": wrong_types,
    "15 requests that are no HTTP, or ambiguous": odd_requests,
}


@dataclasses.dataclass(frozen=True)
class Found:
    """What an attack did."""

    attack: str
    answers: collections.Counter
    seconds: float
    answering_mib: float  # at its peak so far
    hearing_mib: float  # of the largest process that hears
    honest_s: float  # a clip after it


def attack_all(service: Service) -> Iterator[Found]:
    """Try one attack after another on the same service."""
    honest(service)
    silence(HOURS)
    for name, attack in ATTACKS.items():
        began = time.monotonic()
        answers, seconds = attack(service), time.monotonic() - began
        hearing_mib = max(map(peak_mib, service.workers()))
        yield Found(name, answers, seconds, peak_mib(service.process.pid), hearing_mib, honest(service))


def main() -> None:
    print("| attack | answers | seconds | MiB, answering | MiB, hearing | a clip afterwards |", flush=True)
    print("|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as name:
        models = sys.argv[1:] or [str(write_bundle(Path(name) / "tiny"))]
        with served("--workers", "2", *(text for model in models for text in ("--model", model))) as service:
            for found in attack_all(service):
                answers = ", ".join(f"{count} × {status}" for status, count in sorted(found.answers.items()))
                memory = (f"{found.answering_mib:.0f}", f"{found.hearing_mib:.0f}")
                cells = (found.attack, answers, f"{found.seconds:.1f}", *memory, f"{1000 * found.honest_s:.0f} ms")
                print(f"| {' | '.join(cells)} |", flush=True)
            print(service.log.read_text(encoding="utf-8"), file=sys.stderr)


if __name__ == "__main__":
    main()
