"""`ser predict`, `ser models` and `ser card` as commands: exit status, resumption, streams, processes."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from jsonschema import Draft202012Validator

from fusion.branches import read_branch
from scripts.demo import ROOT
from ser.inference import command, hearing
from ser.inference.command import PREDICT
from ser.inference.outputs.formats import FORMATS
from tests.tiny_bundle import conversation, speech, write_bundle

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
SER = [sys.executable, "-m", "ser.inference"]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> str:
    return str(write_bundle(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture
def clips(tmp_path, monkeypatch) -> list[str]:
    """Three clips in the working folder, by their names."""
    monkeypatch.chdir(tmp_path)
    names = ["a.wav", "b.wav", "c.wav"]
    for index, name in enumerate(names, start=1):
        soundfile.write(name, speech(f"03-01-0{index}-01-01-01-01"), 48_000)
    return names


@pytest.fixture
def ser(bundle, capfd):
    """Run a command line in this process: its status, what it printed and its messages."""

    def run(*arguments: str, model: bool = True) -> tuple[int, str, str]:
        given = [*arguments, *(["--model", bundle] if model else [])]
        with pytest.raises(SystemExit) as ended:
            command.main(given)
        return int(ended.value.code or 0), *capfd.readouterr()

    return run


def test_clips_are_a_row_each(ser, clips):
    status, printed, messages = ser("predict", *clips, "--format", "csv")
    assert (status, messages) == (0, "")
    assert [line.split(",")[0] for line in printed.splitlines()] == ["recording", *clips]


def test_folders_and_patterns_are_searched_and_nothing_is_heard_twice(ser, clips, tmp_path):
    (tmp_path / "notes.txt").write_text("no sound")
    for given in (["."], ["*.wav"], ["a.wav", "*.wav", "./"]):
        _, printed, _ = ser("predict", *given, "--format", "csv")
        assert [line.split(",")[0] for line in printed.splitlines()[1:]] == clips


def test_a_bad_file_is_listed_at_the_end_and_the_status_is_1(ser, clips, tmp_path):
    (tmp_path / "b.wav").write_bytes(b"no sound at all")
    status, printed, messages = ser("predict", *clips, "none.wav", "--format", "jsonl")
    assert status == 1
    assert [json.loads(line)["recording"] for line in printed.splitlines()] == ["a.wav", "c.wav"]
    assert messages.splitlines()[0] == "ser: 2 could not be heard:"
    assert re.search(r"  b\.wav: no recording that can be decoded .*\. Is it sound, and whole\?", messages)
    assert "  none.wav: No such file or directory. Look at its name" in messages


def test_the_format_follows_from_the_name_of_the_file(ser, clips, tmp_path):
    for suffix in ("csv", "json", "jsonl"):
        assert ser("predict", *clips, "--out", f"found.{suffix}")[:2] == (0, "")
    assert len((tmp_path / "found.csv").read_text().splitlines()) == 4
    assert len(json.loads((tmp_path / "found.json").read_text())["recordings"]) == 3
    assert ser("predict", *clips, "--out", "found.parquet")[0] == 0
    assert read_branch(tmp_path / "found.parquet")["clip"].to_pylist() == clips


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_written_and_nothing_else_left(ser, clips, tmp_path, name):
    assert ser("predict", "a.wav", "--format", name, "--out", "found", "--timeline", "a.svg")[0] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.svg", *clips, "found"]
    assert (tmp_path / "found").stat().st_size > 0


def test_formats_of_one_recording_need_a_folder_for_several(ser, clips, tmp_path):
    status, _, messages = ser("predict", *clips, "--format", "vtt")
    assert status == 1
    assert "vtt holds one recording: give --out a folder for these 3" in messages
    assert ser("predict", *clips, "--format", "vtt", "--out", "titles")[0] == 0
    assert sorted(path.name for path in (tmp_path / "titles").iterdir()) == ["a.vtt", "b.vtt", "c.vtt"]


def test_several_recordings_have_a_picture_each(ser, clips, tmp_path):
    assert ser("predict", *clips, "--timeline", "seen.png", "--format", "csv")[0] == 0
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["seen-a.png", "seen-b.png", "seen-c.png"]


MISUSED = {
    "--window-s 0.1": "--window-s is 0.1; it may be 0.5 to 30",
    "--window-s nan": "--window-s is nan; it may be 0.5 to 30",
    "--hop-s 4": "--hop-s is 4.0; it may be 0.1 to --window-s",
    "--min-confidence 80": "--min-confidence is 80.0; it may be 0 to 1",
    "--jobs 0": "--jobs is 0; it may be 1 to 256",
    "--timeline a.gif": "--timeline is a.gif; a picture ends in .png or .svg",
    "--raw 16000,1,s16": "--raw is for standard input",
    "--format parquet": "parquet is written to a file: give --out",
    "- b.wav": "- stands alone",
    "nothing/*.wav": r"no recording in nothing/\*.wav",
    "--model nothing": "nothing: no model",
}


@pytest.mark.parametrize("wrong", MISUSED)
def test_a_wrong_command_line_says_what_is_wrong(ser, clips, wrong):
    status, printed, messages = ser("predict", "a.wav", *wrong.split(), model="--model" not in wrong)
    assert (status, printed) == (1, "")
    assert re.search(f"^ser: .*{MISUSED[wrong]}", messages)


def test_least_confidence_decides_what_is_uncertain(ser, clips):
    labels = {}
    for least in ("0", "1"):
        _, printed, _ = ser("predict", "a.wav", "--format", "jsonl", "--min-confidence", least)
        labels[least] = json.loads(printed)["label"]
    assert labels == {"0": "neutral", "1": "uncertain"}


def test_a_stopped_run_goes_on_where_it_was(ser, clips, tmp_path, monkeypatch):
    heard = []
    original = hearing._hear_file

    def stop_at_c(path, *rest):
        heard.append(str(path))
        if path.name == "c.wav" and len(heard) == 3:
            raise KeyboardInterrupt
        return original(path, *rest)

    monkeypatch.setattr(hearing, "_hear_file", stop_at_c)
    monkeypatch.setattr(hearing, "TOGETHER", 1)
    command_line = ["predict", *clips, "--out", "found.csv"]
    status, _, messages = ser(*command_line)
    assert status == 130
    assert "The same command goes on" in messages
    assert sorted(path.name for path in tmp_path.iterdir()) == [".found.csv.partial", *clips]
    assert ser(*command_line)[0] == 0
    assert heard == ["a.wav", "b.wav", "c.wav", "c.wav"]
    resumed = (tmp_path / "found.csv").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [*clips, "found.csv"]
    assert ser(*command_line)[0] == 0
    assert (tmp_path / "found.csv").read_bytes() == resumed


@pytest.mark.parametrize("change", ["settings", "file", "half a line"])
def test_what_has_changed_since_the_stop_is_heard_again(ser, clips, tmp_path, change):
    journal = tmp_path / ".found.csv.partial"
    kept = {}
    original = Path.unlink
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Path,
            "unlink",
            lambda path, **rest: None if path == journal.relative_to(tmp_path) else original(path, **rest),
        )
        ser("predict", *clips, "--out", "found.csv")
    kept["before"] = (tmp_path / "found.csv").read_text()
    options = []
    if change == "settings":
        options = ["--min-confidence", "0"]
    elif change == "file":
        soundfile.write("a.wav", 0.01 * speech(), 48_000)
    else:
        journal.write_bytes(journal.read_bytes()[:-40])
    assert ser("predict", *clips, "--out", "found.csv", *options)[0] == 0
    after = (tmp_path / "found.csv").read_text()
    assert (after == kept["before"]) == (change == "half a line")
    assert not journal.exists()


def test_a_failed_write_leaves_the_old_file(ser, clips, tmp_path, full_disk):
    (tmp_path / "found.json").write_text("old")
    with full_disk(100):
        status, _, messages = ser("predict", "a.wav", "--out", "found.json")
    assert (status, (tmp_path / "found.json").read_text()) == (1, "old")
    assert "File too large" in messages


def test_processes_find_what_one_finds(ser, clips):
    alone = ser("predict", *clips, "none.wav", "--format", "csv")
    together = ser("predict", *clips, "none.wav", "--format", "csv", "--jobs", "2")
    assert alone == together


def test_models_and_cards_are_printed(ser, bundle, monkeypatch):
    monkeypatch.setattr("ser.inference.bundles.RELEASED", Path(bundle).parent)
    status, printed, _ = ser("models", model=False)
    assert status == 0
    assert re.search(r"^tiny +0\.500 \[0\.400, 0\.600\], luna +0\.30 +80% +70%", printed, re.MULTILINE)
    assert ser("card", "tiny", model=False)[:2] == (0, "# A tiny model\n\n")


def test_help_has_an_example_of_each_option(ser):
    _, printed, _ = ser("predict", "--help", model=False)
    assert PREDICT.strip() in printed
    for option in set(re.findall(r"--[a-z-]+", printed)) - {"--help"}:
        assert option in PREDICT, f"{option} has no example"


def as_wav(sound: np.ndarray, tmp_path: Path) -> bytes:
    soundfile.write(tmp_path / "stream.wav", sound, 48_000)
    return (tmp_path / "stream.wav").read_bytes()


def run_on(content: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*SER, "predict", "-", *arguments], input=content, capture_output=True, env=ENVIRONMENT)


def test_a_stream_is_answered_each_hop(bundle, tmp_path):
    sound, _ = conversation(2)
    ended = run_on(as_wav(sound, tmp_path), "--model", bundle)
    assert (ended.returncode, ended.stderr) == (0, b"")
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    schema = json.loads((ROOT / "docs/predict.schema.json").read_text(encoding="utf-8"))
    for line in lines:
        Draft202012Validator(schema | {"$ref": "#/$defs/line", "required": [], "properties": {}}).validate(line)
    assert [line["begin_s"] for line in lines] == [float(second) for second in range(len(lines))]
    assert lines[-1]["end_s"] == pytest.approx(len(sound) / 48_000, abs=1e-3)
    assert {"no speech"} < {line["label"] for line in lines}


def test_raw_samples_are_answered_as_the_same_in_wav(bundle, tmp_path):
    sound, _ = conversation(1)
    raw = (sound * 2**15).round().clip(-(2**15), 2**15 - 1).astype("<i2").tobytes()
    soundfile.write(tmp_path / "same.wav", np.frombuffer(raw, "<i2"), 48_000)
    from_raw = run_on(raw, "--raw", "48000,1,s16", "--model", bundle)
    assert from_raw.stdout == run_on((tmp_path / "same.wav").read_bytes(), "--model", bundle).stdout != b""


def test_answers_come_while_the_stream_goes_on(bundle):
    second = (0.1 * np.random.default_rng(0).normal(size=16_000) * 2**15).astype("<i2").tobytes()
    arguments = [*SER, "predict", "-", "--raw", "16000,1,s16", "--model", bundle]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT) as process:
        for number in range(3):
            process.stdin.write(second)
            process.stdin.flush()
            line = json.loads(process.stdout.readline())  # comes although the stream is open
            assert (line["begin_s"], line["end_s"]) == (number, number + 1)
        process.stdin.close()
        assert process.stdout.read() == b""


def test_a_stream_can_be_written_as_any_other_format(bundle, tmp_path):
    content = as_wav(conversation(3)[0], tmp_path)
    document = json.loads(run_on(content, "--format", "json", "--model", bundle).stdout)
    from_file = subprocess.run(
        [*SER, "predict", "stream.wav", "--format", "json", "--model", bundle],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        check=True,
    )
    expected = json.loads(from_file.stdout)["recordings"][0]["rows"]
    assert [row["label"] for row in document["recordings"][0]["rows"]] == [row["label"] for row in expected]


@pytest.mark.parametrize("content", [b"", b"ID3 an mp3, say", b"RIFF"])
def test_a_stream_that_is_no_wav_is_refused_with_what_to_do(bundle, content):
    ended = run_on(content, "--model", bundle)
    assert (ended.returncode, ended.stdout) == (1, b"")
    assert re.search(
        r"standard input: (standard input is no WAV.*--raw 16000,1,s16|ends within its header)", ended.stderr.decode()
    )


def test_an_interrupt_ends_with_one_line(bundle, tmp_path):
    sound = np.tile(conversation(2)[0], 20)
    for number in range(20):
        soundfile.write(tmp_path / f"{number:02}.wav", sound, 48_000)
    arguments = [*SER, "predict", str(tmp_path), "--out", str(tmp_path / "out.csv"), "--model", bundle]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, env=ENVIRONMENT) as process:
        while not (tmp_path / ".out.csv.partial").exists():
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.stderr.read().decode() == "\nser: stopped. The same command goes on.\n"
    assert process.returncode == 130
    assert not (tmp_path / "out.csv").exists()


def test_a_reader_that_has_seen_enough_is_no_error(bundle, tmp_path):
    for number in range(3):
        soundfile.write(tmp_path / f"{number}.wav", speech(), 48_000)
    arguments = [*SER, "predict", str(tmp_path), "--format", "jsonl", "--model", bundle]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0
