"""`ser predict --adapt`: by recording, by speaker, with voices that are kept, and what is wrong with a command line."""

import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ser.adaptation.adapter import Adapter, log_ratios
from ser.adaptation.speakers import Speakers, Strengths
from ser.adaptation.voice import Voice
from ser.corpora.emotions import EMOTIONS
from ser.inference import command
from ser.inference.voices import read_voices, write_voices
from tests.tiny_bundle import CONFIG, conversation, speech, write_bundle

SHAPE = (1, len(EMOTIONS))
ADAPTER = Adapter(
    Speakers(np.zeros(SHAPE), np.ones(SHAPE)),
    np.array([0, 1, 60]),
    (Strengths(2.0, 1e6),) * 3,
    np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]),
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> str:
    return str(write_bundle(tmp_path_factory.mktemp("models") / "tiny", adaptation=ADAPTER.written()))


@pytest.fixture
def clips(tmp_path, monkeypatch) -> list[str]:
    """Three clips in the working folder, the last of another speaker, and a table that says so."""
    monkeypatch.chdir(tmp_path)
    names = ["a.wav", "b.wav", "c.wav"]
    for index, name in enumerate(names, start=1):
        soundfile.write(name, speech(f"03-01-0{index}-01-01-01-0{1 + index // 3}"), 48_000)
    Path("who.csv").write_text("path,speaker,note\na.wav,ann,x\nb.wav,ann,\nc.wav,bob,\n", encoding="utf-8")
    return names


@pytest.fixture
def ser(bundle, capfd):
    """Run a command line in this process: its status, what it printed and its messages."""

    def run(*arguments: str, model: str = bundle) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            command.main(["predict", *arguments, "--model", model])
        return int(ended.value.code or 0), *capfd.readouterr()

    return run


def logs_of(printed: str) -> dict[str, np.ndarray]:
    """Return the log-probabilities of each recording's rows, from JSON lines."""
    found = defaultdict(list)
    for line in printed.splitlines():
        row = json.loads(line)
        found[row["recording"]] += [np.log([*row["probabilities"].values()])] if row["probabilities"] else []
    return {name: np.stack(rows) for name, rows in found.items()}


def test_a_single_clip_is_answered_by_the_pool_of_before_and_after(ser, clips):
    before, after = (
        logs_of(ser("a.wav", "--format", "jsonl", *more)[1])["a.wav"] for more in ([], ["--adapt", "recording"])
    )
    ratios = log_ratios(before)[0]
    moved = ratios - ratios / 3  # one clip against a strength of 2
    pooled = 0.5 * ratios + 0.5 * moved
    np.testing.assert_allclose(log_ratios(after)[0], pooled, atol=0.02)


def test_a_long_recording_counts_as_many_clips_as_fit_into_it(ser, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    samples, _ = conversation(4)
    soundfile.write("long.wav", samples, 48_000)
    before, after = (
        logs_of(ser("long.wav", "--format", "jsonl", *more)[1])["long.wav"] for more in ([], ["--adapt", "recording"])
    )
    assert len(before) == len(after) > 3
    assert np.abs(log_ratios(after)[0].mean(axis=0)).mean() < np.abs(log_ratios(before)[0].mean(axis=0)).mean()


def test_clips_of_one_speaker_are_adapted_together(ser, clips):
    alone = logs_of(ser(*clips, "--adapt", "recording", "--format", "jsonl")[1])
    status, printed, _ = ser(*clips, "--adapt", "speaker", "--speakers", "who.csv", "--format", "jsonl")
    together = logs_of(printed)
    assert status == 0
    assert [*together] == clips
    np.testing.assert_allclose(together["c.wav"], alone["c.wav"], atol=1e-4)
    assert np.abs(together["a.wav"] - alone["a.wav"]).max() > 0.01


def test_voices_are_kept_and_added_to(ser, clips):
    speaker = ["--adapt", "speaker", "--speakers", "who.csv", "--voices", "known.json"]
    ser("a.wav", *speaker, "--out", "first.csv")
    first = read_voices(Path("known.json"), str(CONFIG["revision"]), SHAPE)
    assert [*first] == ["ann"]
    ser("b.wav", "c.wav", *speaker, "--out", "second.csv")
    second = read_voices(Path("known.json"), str(CONFIG["revision"]), SHAPE)
    assert [*second] == ["ann", "bob"]
    assert second["ann"].clips > first["ann"].clips
    ser(*clips, *speaker[:-1], "whole.json", "--out", "whole.csv")
    whole = read_voices(Path("whole.json"), str(CONFIG["revision"]), SHAPE)
    np.testing.assert_allclose(whole["ann"].mean, second["ann"].mean, rtol=1e-4, atol=1e-5)
    assert Path("known.json").stat().st_size < 2000


def test_a_stopped_run_by_speaker_begins_anew(ser, clips):
    wanted = ["--adapt", "speaker", "--speakers", "who.csv", "--out", "all.csv"]
    ser(*clips, *wanted)
    expected = Path("all.csv").read_bytes()
    ser("a.wav", "none.wav", "--out", "all.csv")
    ser(*clips, *wanted)
    assert Path("all.csv").read_bytes() == expected


def test_a_bad_file_stops_no_other(ser, clips):
    Path("b.wav").write_bytes(b"no sound")
    status, printed, messages = ser(*clips, "--adapt", "speaker", "--speakers", "who.csv", "--format", "jsonl")
    assert status == 1
    assert [*logs_of(printed)] == ["a.wav", "c.wav"]
    assert "b.wav" in messages


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--adapt", "speaker"], "--adapt speaker takes --speakers TABLE"),
        (["--adapt", "recording", "--speakers", "who.csv"], "--speakers and --voices are for --adapt speaker"),
        (["--voices", "known.json"], "--speakers and --voices are for --adapt speaker"),
        (["--adapt", "speaker", "--speakers", "none.csv"], "none.csv"),
        (["--adapt", "speaker", "--speakers", "few.csv"], "few.csv: names no speaker of b.wav, c.wav. Add a row"),
        (
            ["--adapt", "speaker", "--speakers", "odd.csv"],
            r"odd.csv: lacks the columns ['path']; it has ['file', 'speaker']",
        ),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_heard(ser, clips, arguments, message):
    Path("few.csv").write_text("path,speaker\na.wav,ann\nb.wav,\n", encoding="utf-8")
    Path("odd.csv").write_text("file,speaker\na.wav,ann\n", encoding="utf-8")
    status, printed, messages = ser(*clips, *arguments)
    assert (status, printed) == (1, "")
    assert message in messages


def test_a_stream_is_not_adapted(ser):
    status, _, messages = ser("-", "--adapt", "recording")
    assert status == 1
    assert "hears all of a recording before it answers" in messages


def test_a_model_that_says_nothing_of_adaptation_is_not_adapted(ser, clips, tmp_path):
    plain = str(write_bundle(tmp_path / "models" / "plain"))
    status, _, messages = ser("a.wav", "--adapt", "recording", model=plain)
    assert (status, messages) == (
        1,
        "ser: plain: this model cannot be adapted. Leave out --adapt, or take another model.\n",
    )
    broken = str(write_bundle(tmp_path / "models" / "broken", adaptation={"counts": [0]}))
    status, _, messages = ser("a.wav", "--adapt", "recording", model=broken)
    assert "config.json: what the model says of its adaptation cannot be used" in messages


def test_adapter_is_read_as_it_was_written():
    again = Adapter.read(json.loads(json.dumps(ADAPTER.written())))
    np.testing.assert_array_equal(again.weights, ADAPTER.weights)
    np.testing.assert_array_equal(again.speakers.variance, ADAPTER.speakers.variance)
    assert again.strengths == ADAPTER.strengths


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing", "no file of voices"),
        ("[]", "no file of voices"),
        ('{"revision": "abc", "voices": {"a": {"clips": 1}}}', "no file of voices .KeyError"),
        (
            '{"revision": "abc", "voices": {"a": {"clips": -1, "mean": [[0, 0]], "squares": [[0, 0]]}}}',
            "of a cannot be",
        ),
        ('{"revision": "abc", "voices": {"a": {"clips": 1, "mean": [[0]], "squares": [[0]]}}}', "of a cannot be"),
    ],
)
def test_damaged_files_of_voices_are_named(tmp_path, text, message):
    path = tmp_path / "voices.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=rf"voices\.json: .*{message}"):
        read_voices(path, "abc", (1, 2))


def test_voices_of_another_model_are_refused(tmp_path):
    path = tmp_path / "voices.json"
    write_voices({"a": Voice.unheard(1, 2)}, "other", path)
    with pytest.raises(ValueError, match=r"voices of another model \(other; this one is abc\)"):
        read_voices(path, "abc", (1, 2))
