"""Damaged files: each is heard as what it holds or refused in one line; nothing crashes, hangs or guesses."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from scripts.demo import ROOT
from tests.test_reading import write_film
from tests.tiny_bundle import speech, write_bundle

RATE_HZ = 48_000
KINDS = {
    "pcm.wav": ("WAV", "PCM_16"),
    "float.wav": ("WAV", "FLOAT"),
    "a_law.wav": ("WAV", "ALAW"),
    "long.wav": ("RF64", "PCM_24"),
    "a.flac": ("FLAC", "PCM_16"),
    "vorbis.ogg": ("OGG", "VORBIS"),
    "opus.ogg": ("OGG", "OPUS"),
    "a.mp3": ("MP3", "MPEG_LAYER_III"),
    "a.aiff": ("AIFF", "PCM_16"),
    "a.m4a": "aac",
    "a.webm": "libopus",
}
HEADER = 64  # bytes in which a lie is most likely to matter
CHECKED = ("wav", "flac", "ogg", "aiff", "m4a", "webm")  # whose cut is always noticed: all but MP3, which has no length
LIMIT_S = 60


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, bytes]:
    """A clip in every format."""
    folder, sound = tmp_path_factory.mktemp("whole"), speech()
    for name, kind in KINDS.items():
        if isinstance(kind, str):
            write_film(folder / name, kind, np.stack([sound, sound], axis=1))
        else:
            soundfile.write(folder / name, sound, RATE_HZ, format=kind[0], subtype=kind[1])
    return {name: (folder / name).read_bytes() for name in KINDS}


def damage(content: bytes, how: str, rng: np.random.Generator) -> bytes:
    if how == "cut":
        return content[: rng.integers(0, len(content) * 9 // 10)]
    damaged = bytearray(content)
    reach = HEADER if how == "lie" else len(content)
    for place in rng.integers(0, reach, 3 if how == "lie" else 30):
        damaged[place] = rng.integers(0, 256)
    return bytes(damaged)


def write_damaged(whole: dict[str, bytes], folder: Path, count: int) -> dict[str, str]:
    """Write so many damaged files; return how each was damaged."""
    rng, ways = np.random.default_rng(1), ("cut", "flip", "lie")
    written = {}
    for number in range(count):
        kind, how = list(whole)[number % len(whole)], ways[number // len(whole) % len(ways)]
        name = f"{number:03}-{how}-{kind}"
        (folder / name).write_bytes(damage(whole[kind], how, rng))
        written[name] = how
    return written


@pytest.mark.parametrize("count", [44, pytest.param(500, marks=pytest.mark.slow)])
def test_damaged_files_are_heard_or_refused(whole, tmp_path, count):
    model, folder = write_bundle(tmp_path / "tiny"), tmp_path / "damaged"
    folder.mkdir()
    ways = write_damaged(whole, folder, count)
    (folder / "good.wav").write_bytes(whole["pcm.wav"])
    arguments = ["predict", *sorted(path.name for path in folder.iterdir()), "--format", "json", "--model", str(model)]
    ended = subprocess.run(
        [sys.executable, "-m", "ser.inference", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=LIMIT_S + count,
    )
    assert ended.returncode == 1, ended.stderr.decode(errors="replace")[-2000:]  # neither a signal nor a traceback
    document = json.loads(ended.stdout)
    heard = {one["recording"]: one for one in document["recordings"]}
    refused = {one["recording"]: one for one in document["problems"]}
    assert heard.keys() | refused.keys() == {*ways, "good.wav"}
    assert "good.wav" in heard
    for problem in refused.values():
        assert problem["reason"]
        assert problem["remedy"]
        assert "\n" not in problem["reason"] + problem["remedy"]
    for recording in heard.values():
        for row in recording["rows"]:
            assert row["probabilities"] is None or abs(sum(row["probabilities"].values()) - 1) < 1e-4
    cut = {name for name, how in ways.items() if how == "cut" and name.rpartition(".")[2] in CHECKED}
    assert cut
    assert cut <= refused.keys()
