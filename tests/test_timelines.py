"""Timelines against a known truth: how they are scored, and what the released CompactNet says of real clips."""

import numpy as np
import pytest

from benchmarks import timelines
from benchmarks.timelines import Part, labels_at, shares
from scripts.projects import ROOT


def test_shares_are_of_the_time_of_speech_and_of_the_pauses():
    truth = [Part(1, 3, "sad"), Part(4, 8, "happy")]
    found = [
        Part(0, 1, "no speech"),
        Part(1, 2, "sad", "sad"),
        Part(2, 3.5, "uncertain", "calm"),
        Part(3.5, 5, "no speech"),
        Part(5, 6, "uncertain", "happy"),
        Part(6, 8, "angry", "angry"),
    ]
    speech_s, right, wrong, unsure, silent, guessed, pauses_s, quiet = shares(truth, found, 0, 10)
    assert (speech_s, pauses_s) == ("6", "4")
    assert (right, wrong, unsure, silent, guessed) == ("16.7%", "33.3%", "33.3%", "16.7%", "33.3%")
    assert quiet == "87.5%"  # the second to 3.5 s is a pause, and uncertain is no silence


def test_a_time_between_parts_has_no_label_of_them():
    labels = labels_at(np.array([0.5, 1.5, 2.5]), [Part(1, 2, "sad")], "pause")
    assert labels.tolist() == ["pause", "sad", "pause"]


def test_sounds_without_speech_are_long_and_loud_as_they_should():
    kinds = timelines.sounds()
    assert {len(sound) for sound in kinds.values()} == {round(timelines.PART_S * timelines.RATE_HZ)}
    assert all(0.01 < np.abs(sound).max() < 1 for kind, sound in kinds.items() if kind != "silence")


@pytest.mark.slow
@pytest.mark.skipif(not (ROOT / "data/raw").is_dir(), reason="needs the clips of RAVDESS in data/raw")
def test_the_released_model_says_when_somebody_speaks_and_how(tmp_path):
    hour, *call, silence, white, _, _, _, _, _ = timelines.rows(tmp_path, 300, "compact", held_out=False)
    for name, _, right, wrong, unsure, missed, _, _, quiet in (hour, *call):
        right, wrong, unsure, missed, quiet = (float(cell[:-1]) for cell in (right, wrong, unsure, missed, quiet))
        assert right > 60 and wrong < 15 and missed < 5 and quiet > 70, name
        assert right + wrong + unsure + missed == pytest.approx(100, abs=0.3)
    assert silence[-1] == white[-1] == "100.0%"
    assert {"hour.png", "call.png", "no-speech.png"} <= {path.name for path in tmp_path.iterdir()}
