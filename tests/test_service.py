"""`ser serve`: the command's answers over HTTP, limits that hold, and processes that may die."""

import asyncio
import concurrent.futures
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile
from jsonschema import Draft202012Validator

from scripts.demo import ROOT
from ser.inference.bundles import read_bundle
from ser.inference.hearing import HearingSettings, hear_files
from ser.inference.rows import Heard
from tests.test_predict_damage import KINDS, write_damaged
from tests.test_predict_damage import whole as whole
from tests.tiny_bundle import conversation, speech, write_bundle

missing = "this needs the extra `serve`: pip install fastapi uvicorn httptools python-multipart prometheus-client"
pytest.importorskip("fastapi", reason=missing)
pytest.importorskip("uvicorn", reason=missing)
pytest.importorskip("httptools", reason=missing)
pytest.importorskip("python_multipart", reason=missing)
pytest.importorskip("prometheus_client", reason=missing)
if not sys.platform.startswith("linux"):
    pytest.skip("the service needs Linux", allow_module_level=True)

from scripts.serving import FORM_HEADERS, form, request, served  # noqa: E402
from ser.service import connections, gate, worker  # noqa: E402 (needs the extra)
from ser.service.serving import serve  # noqa: E402
from ser.service.settings import ServeSettings  # noqa: E402

SCHEMA = Draft202012Validator(json.loads((ROOT / "docs/predict.schema.json").read_text(encoding="utf-8")))
RATE_HZ = 48_000


def wav(sound: np.ndarray, rate_hz: int = RATE_HZ) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, sound, rate_hz, format="WAV")
    return file.getvalue()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    (folder / "index.html").write_text("<!doctype html><title>A page</title>", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def service(bundle, page):
    """Two processes, and small limits."""
    limits = ["--max-mb", "4", "--max-duration-s", "30", "--timeout-s", "20", "--connections", "32"]
    origin = ["--allow-origin", "https://example.org"]
    with served("--model", str(bundle), "--workers", "2", "--page", str(page), *limits, *origin) as running:
        yield running


def answered_by_command(content: bytes, bundle: Path, tmp_path: Path, *options: str) -> str:
    (tmp_path / "a.wav").write_bytes(content)
    command = [sys.executable, "-m", "ser.inference", "predict", "a.wav", "--model", str(bundle), *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True).stdout


@pytest.mark.parametrize("sound", [speech(), conversation(3)[0]], ids=["clip", "conversation"])
def test_the_answer_is_the_commands(service, bundle, tmp_path, sound):
    answer = service.post(wav(sound))
    assert answer.status == 200
    SCHEMA.validate(answer.document)
    assert answer.body.decode() == answered_by_command(wav(sound), bundle, tmp_path, "--format", "json")


def test_options_and_formats_are_the_commands(service, bundle, tmp_path):
    stereo = wav(np.stack([conversation(2)[0]] * 2, axis=1), 24_000)
    options = {"window_s": 2, "hop_s": 0.5, "min_confidence": 0.9, "channels": "separate"}
    given = [text for name, value in options.items() for text in (f"--{name.replace('_', '-')}", str(value))]
    answer = service.post(stereo, format="csv", **options)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.body.decode() == answered_by_command(stereo, bundle, tmp_path, "--format", "csv", *given)
    for name in ("jsonl", "table", "audacity", "textgrid", "vtt"):
        assert service.post(wav(speech()), format=name).body


def test_raw_samples_are_heard_as_declared(service):
    samples = (speech() * 2**15).astype("<i2").tobytes()
    [recording] = service.post(samples, "a.raw", raw=f"{RATE_HZ},1,s16").document["recordings"]
    assert recording["duration_s"] == round(len(samples) / 2 / RATE_HZ, 3)


def test_everything_that_is_wrong_with_a_request_is_named(service):
    answer = service.post(wav(speech()), "../a.wav", window_s=99, hop_s="nan", model="none", x=1, raw="loud")
    assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json")
    for name in ("file", "window_s", "hop_s", "x", "raw"):
        assert re.search(rf"(^|; ){name}: ", answer.document["detail"]), answer.document
    assert "is none of tiny" in service.post(wav(speech()), model="other").document["detail"]
    assert (
        "hop_s: is 2.0; it may be 0.1 to window_s, 1.0"
        in service.post(wav(speech()), window_s=1, hop_s=2).document["detail"]
    )


@pytest.mark.parametrize("name", ["../../etc/passwd", "..\\a.wav", "/etc/passwd", "a\0.wav", "", "a" * 256, "a\tb.wav"])
def test_a_name_that_could_be_a_path_is_refused(service, name):
    assert service.post(wav(speech()), name).status == 400


def test_names_of_any_script_come_back(service):
    for name in ("日本語 – ü.wav", "a'b\"c.wav".replace('"', "%22"), "..wav"):
        [recording] = service.post(wav(speech()), name).document["recordings"]
        assert recording["recording"] == name


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{}", {"Content-Type": "application/json"}, 415),
        (b"a=1", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        (b"RIFF", {"Content-Type": "audio/wav"}, 415),
        (b"", {}, 415),
        (b"x", {"Content-Type": "multipart/form-data"}, 415),
        (b"no form at all", FORM_HEADERS, 400),
        (form(b"x", "a.wav")[:-20], FORM_HEADERS, 400),
        (form(b"x", "a.wav")[:-4] + b"\r\n" + form(b"x", "b.wav"), FORM_HEADERS, 400),
        (form(b"x", "a.wav").replace(b'name="file"', b'name="other"'), FORM_HEADERS, 400),
        (form(b"x", "a.wav", window_s="1" * 300), FORM_HEADERS, 400),
        (form(b"x", "a.wav", **{f"x{index}": "" for index in range(20)}), FORM_HEADERS, 400),
        (form(b"x", "a" * 10_000), FORM_HEADERS, 400),
    ],
)
def test_a_body_that_is_no_form_with_one_recording_is_refused(service, body, headers, status):
    assert service.ask("POST", "/v1/predict", body, headers).status == status


def test_damaged_files_are_answered_as_the_command_does(service, bundle, whole, tmp_path):
    write_damaged(whole, tmp_path, 2 * len(KINDS))
    paths = sorted(tmp_path.iterdir())
    expected = list(hear_files(paths, read_bundle(bundle), HearingSettings()))
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda path: service.post(path.read_bytes(), path.name), paths))
    for path, found, answer in zip(paths, expected, answers, strict=True):
        SCHEMA.validate(answer.document)
        assert "/proc" not in answer.body.decode()
        if isinstance(found, Heard):
            assert answer.status == 200, path.name
            assert len(answer.document["recordings"][0]["rows"]) == len(found.rows)
        else:
            problem = {"recording": path.name, "reason": found.reason, "remedy": found.remedy}
            assert (answer.status, answer.document["problems"]) == (422, [problem])


def test_answers_to_many_at_once_are_those_to_each_alone(service):
    asked = [(wav(speech() * gain), f"{index}.wav", {}) for index, gain in enumerate(np.linspace(0.05, 1, 8))]
    asked += [(wav(conversation(3)[0]), "long.wav", {}), (wav(speech())[:-9], "cut.wav", {}), (b"none", "none.wav", {})]
    asked += [(wav(speech()), "csv.wav", {"format": "csv"}), (wav(speech()), "fine.wav", {"window_s": 1, "hop_s": 0.5})]
    asked += [(wav(np.zeros(40 * 4_000), 4_000), "too long.wav", {})]

    def ask(one: tuple) -> tuple[int, bytes]:
        answer = service.post(*one[:2], **one[2])
        return answer.status, answer.body

    alone = [ask(one) for one in asked]
    assert len(set(alone)) == len(asked)
    with concurrent.futures.ThreadPoolExecutor(14) as threads:
        assert list(threads.map(ask, asked * 4)) == alone * 4


def test_too_large_a_body_is_refused_whether_it_says_so_or_not(service):
    large = form(bytes(5 * 2**20), "a.wav")
    with service.connect() as connection:  # before any of it has come
        connection.sendall(request(large)[:200])
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")
    chunked = iter([large[begin : begin + 2**16] for begin in range(0, len(large), 2**16)])
    assert service.ask("POST", "/v1/predict", chunked, FORM_HEADERS).status == 413


def test_too_long_a_recording_is_refused(service):
    file = io.BytesIO()
    soundfile.write(file, np.zeros(16_000 * 600), 16_000, format="FLAC")
    answer = service.post(file.getvalue(), "silence.flac")
    assert answer.status == 422
    [problem] = answer.document["problems"]
    assert problem["reason"] == "lasts more than 30 s"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://evil.example:8000", "Host": "evil.example:8000"}, 403),  # a name made to point here
        ({"Origin": "https://example.org"}, 200),
        ({"Origin": "http://127.0.0.1:1", "Host": "127.0.0.1:1"}, 200),
        ({"Origin": "http://localhost:1", "Host": "localhost:1"}, 200),
        ({"Origin": "http://[::1]:1", "Host": "[::1]:1"}, 200),
    ],
)
def test_pages_of_another_origin_are_refused_unless_they_are_named(service, headers, status):
    answer = service.post(wav(speech()), headers=headers)
    assert answer.status == status
    allowed = headers["Origin"] == "https://example.org"
    assert answer.headers.get("access-control-allow-origin") == ("https://example.org" if allowed else None)


def test_the_page_is_served_with_its_headers_and_nothing_beside_it(service, page):
    (page.parent / "secret").write_text("secret", encoding="utf-8")
    answer = service.get("/")
    assert (answer.status, answer.body) == (200, (page / "index.html").read_bytes())
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    for path in ("/../secret", "/%2e%2e/secret", "/..%2fsecret", "//etc/passwd", "/.%00/secret"):
        assert service.get(path).status == 404


class _Addresses(HTMLParser):
    """Whatever a page could load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.found += [value for name, value in attributes if name in ("src", "href", "action") and value]


def test_the_page_of_the_paths_needs_neither_network_nor_script(service):
    answer, addresses = service.get("/docs"), _Addresses()
    addresses.feed(answer.body.decode())
    assert addresses.found == ["openapi.json", "v1/predict"]
    assert not {"script", "link", "img"} & addresses.tags
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    document = service.get("/openapi.json").document
    assert {"/v1/predict", "/v1/models", "/healthz", "/readyz", "/metrics"} <= document["paths"].keys()
    SCHEMA.check_schema(service.get("/v1/predict.schema.json").document)


def test_models_are_described_without_where_they_are(service, bundle):
    answer = service.get("/v1/models")
    assert [model["name"] for model in answer.document] == ["tiny"]
    assert answer.document[0]["default"] is True
    assert str(bundle) not in answer.body.decode()


def test_metrics_count_answers(service):
    service.get("/healthz")
    text = service.get("/metrics").body.decode()
    assert re.search(r'^ser_answers_total\{path="/healthz",status="200"\} [1-9]', text, re.MULTILINE)
    assert re.search(r"^ser_workers_ready 2.0", text, re.MULTILINE)
    assert "a.wav" not in text


def test_a_process_that_hears_gets_no_more_memory_than_it_may_and_writes_no_file(tmp_path):
    program = f"""
import numpy as np
from pathlib import Path
from ser.service.worker import Limits, _restrict
_restrict(Limits(60, 60, 256))
np.ones(2**24)  # 128 MB
try:
    np.ones(2**26)
except MemoryError:
    print("no memory")
try:
    Path({str(tmp_path / "a")!r}).write_bytes(b"sound")
except OSError:
    print("no file")
"""
    printed = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert printed.stdout == "no memory\nno file\n", printed.stderr


def test_a_full_disk_is_told(bundle):
    with served("--model", str(bundle), "--workers", "1", most_bytes=2**18) as service:
        answer = service.post(bytes(2**19))
        assert (answer.status, answer.headers["retry-after"]) == (507, "10")
        assert service.post(wav(speech()[:12_000])).status == 200


def test_unknown_paths_and_methods_are_problems(service):
    assert service.get("/v1/nothing").status == 404
    assert service.get("/v1/predict").status in (404, 405)
    assert service.get("/v1/nothing").headers["content-type"] == "application/problem+json"


def test_a_flood_of_connections_keeps_nobody_out(service):
    flood = [service.connect() for _ in range(100)]
    assert service.get("/healthz").status == 200
    assert service.post(wav(speech())).status == 200
    for connection in flood:
        connection.close()


def test_a_killed_process_is_replaced_and_nothing_wrong_is_answered(service):
    expected = service.post(wav(speech())).body
    for _ in range(2):
        for hearing in service.workers():
            os.kill(hearing, signal.SIGKILL)
        with concurrent.futures.ThreadPoolExecutor(4) as threads:
            answers = list(threads.map(lambda _: service.post(wav(speech())), range(8)))
        assert {answer.status for answer in answers} <= {200, 503}
        assert {answer.body for answer in answers if answer.status == 200} <= {expected}
        service.wait_until_ready(2)
    assert service.post(wav(speech())).body == expected


def test_nothing_of_a_recording_is_left_or_logged(service):
    service.post(wav(speech()), "a name that nobody has.wav")
    service.post(b"no sound", "a name that nobody has.wav")
    with service.connect() as leaving:
        leaving.sendall(request(form(wav(speech()), "a name that nobody has.wav"))[:-100])
    service.post(wav(speech()))
    assert list(service.folder.iterdir()) == []
    log = service.log.read_text(encoding="utf-8")
    assert "a name that nobody has" not in log
    assert "Traceback" not in log


def test_a_process_that_hangs_is_ended_and_who_comes_meanwhile_waits_or_is_told_when_to_return(bundle):
    options = ("--workers", "1", "--timeout-s", "1", "--queue", "1", "--at-once", "3")
    with served("--model", str(bundle), *options) as service:
        [hearing] = service.workers()
        os.kill(hearing, signal.SIGSTOP)
        with concurrent.futures.ThreadPoolExecutor(5) as threads:
            began = time.monotonic()
            first = threads.submit(service.post, wav(speech()))
            time.sleep(0.3)  # it has the process now
            answers = [*threads.map(lambda _: service.post(wav(speech())), range(4)), first.result()]
        assert time.monotonic() - began < 30
        by_status = {status: [one for one in answers if one.status == status] for status in (200, 429, 504)}
        assert {status: len(found) for status, found in by_status.items()} == {200: 1, 429: 3, 504: 1}
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in by_status[429])
        assert service.workers() != [hearing]


def test_a_failure_of_the_code_is_of_one_recording_alone(bundle, tmp_path, monkeypatch):
    (tmp_path / "a.wav").write_bytes(wav(speech()))
    told = {"format": "json", "window_s": 3, "hop_s": 1, "min_confidence": None, "channels": "mix", "raw": None}
    jobs = [
        worker.Job.read({"name": name, "model": "tiny"} | told, os.open(tmp_path / "a.wav", os.O_RDONLY))
        for name in ("good", "bad", "good")
    ]
    hear = worker.hear_sound

    def fail(name, *rest):
        assert name != "bad"
        return hear(name, *rest)

    monkeypatch.setattr(worker, "hear_files", fail)
    monkeypatch.setattr(worker, "hear_sound", fail)
    limits = worker.Limits(60, 60, 1024)
    heads, documents = zip(*worker._hear(jobs, {"tiny": read_bundle(bundle)}, limits), strict=True)
    assert [head["outcome"] for head in heads] == ["heard", "failed", "heard"]
    assert documents[0] == documents[2]
    assert b"AssertionError" in documents[1]


def test_sigterm_finishes_what_is_under_way_and_leaves_nothing(bundle):
    with served("--model", str(bundle), "--workers", "1") as service:
        [hearing] = service.workers()
        os.kill(hearing, signal.SIGSTOP)
        with service.connect() as connection:
            connection.sendall(request(form(wav(speech()), "a.wav")))
            time.sleep(0.5)
            service.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            with pytest.raises(ConnectionRefusedError):
                service.connect()
            os.kill(hearing, signal.SIGCONT)
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 OK")
        assert service.process.wait(10) == 0
        assert _gone([hearing])


def test_a_kill_leaves_neither_files_nor_processes(bundle):
    with served("--model", str(bundle), "--workers", "2", "--timeout-s", "1") as service:
        workers = service.workers()
        os.kill(workers[0], signal.SIGSTOP)
        unfinished = [service.connect() for _ in range(3)]
        for connection in unfinished:
            connection.sendall(request(form(wav(speech()), "a.wav"))[:-100])
        service.process.kill()
        service.process.wait()
        os.kill(workers[0], signal.SIGCONT)
        assert _gone(workers)
        assert list(service.folder.iterdir()) == []


def _gone(processes: list[int]) -> bool:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if not any(Path(f"/proc/{process}/cmdline").exists() for process in processes):
            return True
        time.sleep(0.05)
    return False


def test_a_body_that_comes_too_slowly_is_refused(monkeypatch):
    monkeypatch.setattr(gate, "GRACE_S", 0.1)
    sent: list[dict] = []

    async def app(scope, receive, send):
        while (await receive())["more_body"]:
            pass

    async def drip():
        await asyncio.sleep(0.03)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def note(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/predict", "headers": []}
    with pytest.raises(gate.HTTPException, match="408"):
        asyncio.run(gate.Gate(app, ServeSettings(), None)(scope, drip, note))


def test_a_connection_that_is_idle_or_sends_too_much_is_closed(monkeypatch):
    """Of 0.2 s here."""
    monkeypatch.setattr(connections, "CHECK_S", 0.1)
    import uvicorn

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    async def run() -> list[bytes]:
        config = uvicorn.Config(app, http=connections.guarded(8), lifespan="off", port=0, log_config=None)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server._serve())
        while not server.started:
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        found = []
        for sent in (
            b"",
            b"GET / HTTP/1.1\r\nHo",
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET / HTTP/1.1\r\nA: " + b"x" * 2**20,
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 20,
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            try:
                found.append(await asyncio.wait_for(reader.read(), 5))
            except ConnectionResetError:
                found.append(b"reset")
            writer.close()
        server.should_exit = True
        await serving
        return found

    nothing, half, whole_request, endless, ahead = asyncio.run(run())
    assert (nothing, half, endless) == (b"", b"", b"reset")
    assert whole_request.startswith(b"HTTP/1.1 200")
    assert ahead.startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "--workers is 0; it may be 1 to 256"),
        ({"max_mb": 0, "queue": -1}, "--max-mb is 0; it may be 1 to 4096; --queue is -1; it may be 0 to 4096"),
        ({"allow_origin": ("*",)}, r"--allow-origin is \*; it is the scheme, host and port of a page"),
        ({"model": ("nothing",)}, "nothing: no model. Give a folder"),
        ({"model": ("tiny", "tiny")}, "--model names tiny twice"),
        ({"page": "nothing"}, "--page is nothing; a folder with index.html is needed"),
        ({"host": "192.0.2.1"}, r"192.0.2.1:8000: .* Give another --port"),
    ],
)
def test_what_is_wrong_with_the_settings_is_said(bundle, options, message):
    with pytest.raises((ValueError, OSError), match=f"^{message}"):
        serve(ServeSettings(**{"model": (str(bundle),)} | options))


def test_a_model_that_cannot_be_opened_is_an_error_at_the_start(tmp_path):
    folder = write_bundle(tmp_path / "tiny")
    (folder / "model.onnx").write_bytes(b"damaged")
    with (
        pytest.raises(RuntimeError, match=r"^ser: .*model\.onnx: no model that can be opened"),
        served("--model", str(folder)),
    ):
        pass


def test_it_listens_for_this_computer_alone(service):
    sockets = Path(f"/proc/{service.process.pid}/net/tcp").read_text(encoding="ascii")
    [listening] = [line for line in sockets.splitlines() if f":{service.port:04X} 00000000:0000 0A" in line]
    assert "0100007F:" in listening


def test_the_extra_is_named_when_it_is_missing():
    program = "import sys; sys.modules['fastapi'] = None; from ser.inference.command import main; main(['serve'])"
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 1
    assert re.fullmatch(
        r"ser: `ser serve` needs the package fastapi.* Install it: `pip install '\.\[serve\]'`\n", ended.stderr
    )
