"""`python -m scripts.recognise`: a model of the pipeline names the emotion of recordings."""

import pandas as pd
import pytest

from scripts.recognise import read, recognise


def test_a_row_a_recording_with_the_likeliest_emotions_first(demo_project):
    predicted = pd.read_csv(demo_project / "data/predictions/compact.csv").set_index("clip")
    clips = pd.read_csv(demo_project / "data/clips.csv").iloc[:2]
    lines = recognise(demo_project / "models/compact", [demo_project / "data/raw" / path for path in clips["path"]])
    for line, clip in zip(lines.splitlines()[1:], clips["clip"], strict=True):
        name, first, probability, *_ = line.split()
        expected = predicted.loc[clip].drop(["split", "emotion"])
        assert name == f"{clip}.wav" and float(probability) == pytest.approx(expected[first], abs=0.006)
        assert expected[first] == pytest.approx(expected.astype(float).max(), abs=1e-4)


def test_a_file_without_sound_is_named(tmp_path):
    (tmp_path / "notes.wav").write_text("no sound")
    with pytest.raises(ValueError, match=r"notes\.wav: not readable as sound"):
        read(tmp_path / "notes.wav")
