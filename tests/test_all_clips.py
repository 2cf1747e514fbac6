"""All clips of the corpus: `ser predict` and every model from its folder give what the pipeline wrote, or PyTorch says.

Slow, and skipped where the corpus or a model is not there.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from release.check_onnx import LIMIT, in_torch
from release.settings import MODELS, NAMES
from scripts.projects import ROOT
from scripts.recognise import read
from ser.bundles.build_compact import build_compact
from ser.bundles.bundle import write_bundle
from ser.corpora.emotions import EMOTIONS
from ser.encoders.waveforms import SAMPLE_RATE_HZ
from ser.features.audio import load_mono
from ser.features.chunks import each_chunk
from ser.models.compact import Compact
from ser.models.loading import load_model

RAW, CLIPS, PREDICTIONS = (ROOT / "data" / name for name in ("raw", "clips.csv", "predictions"))
PIPELINE = ("cnn", "lstm", "hybrid", "compact")
FACTS = {"temperature": 1.0, "min_confidence": {"value": 0.5}, "figures": {}}
CHUNK = 16

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


def require(*paths: Path) -> None:
    if missing := [str(path.relative_to(ROOT)) for path in paths if not path.exists()]:
        pytest.skip(f"needs {', '.join(missing)}")


def paths_of(clips: pd.DataFrame) -> list[Path]:
    return [RAW / path for path in clips["path"]]


def heard(model: Path, clips: pd.DataFrame, out: Path) -> np.ndarray:
    """Return probabilities (clip, emotions) by the command, which must hear every clip."""
    command = [sys.executable, "-m", "ser.inference", "predict", str(RAW), "--model", str(model), "--out", str(out)]
    subprocess.run(command, cwd=ROOT, check=True)
    rows = pd.read_csv(out).set_index("recording")
    assert len(rows) == len(clips)
    return rows.loc[[str(path) for path in paths_of(clips)], list(EMOTIONS)].to_numpy()


def assert_equal(found: np.ndarray, expected: np.ndarray, name: str) -> None:
    difference, same = abs(found - expected).max(), (found.argmax(axis=1) == expected.argmax(axis=1)).sum()
    print(json.dumps({"model": name, "clips": len(found), "largest_difference": difference, "same_emotion": int(same)}))
    assert difference <= LIMIT
    assert same == len(found)


@pytest.mark.parametrize("name", NAMES)
def test_ser_predict_gives_the_probabilities_of_each_released_model(name, tmp_path, monkeypatch):
    require(RAW, CLIPS, ROOT / MODELS / name / "model.onnx", *(ROOT / "release/trained" / one for one in NAMES[:2]))
    monkeypatch.chdir(ROOT)
    clips, predict = pd.read_csv(CLIPS), in_torch(name)
    chunks = each_chunk(
        lambda chunk: [predict([load_mono(path, SAMPLE_RATE_HZ)]) for path in chunk], paths_of(clips), CHUNK
    )
    expected = np.concatenate([row for chunk in chunks for row in chunk])
    assert_equal(heard(MODELS / name, clips, tmp_path / "found.csv"), expected, name)


@pytest.mark.parametrize("name", PIPELINE)
def test_each_model_of_the_pipeline_gives_what_the_pipeline_wrote(name):
    require(RAW, CLIPS, ROOT / "models" / name, PREDICTIONS / f"{name}.csv")
    model = load_model(ROOT / "models" / name)
    clips, expected = written(name)
    found = np.concatenate([model.predict([waveform], [rate]) for waveform, rate in map(read, paths_of(clips))])
    assert_equal(found, expected, name)


def test_ser_predict_gives_what_the_pipeline_wrote_of_compactnet(tmp_path):
    require(RAW, CLIPS, ROOT / "models/compact", PREDICTIONS / "compact.csv")
    bundled = build_compact(Compact.load(ROOT / "models/compact"), FACTS["temperature"])
    write_bundle(tmp_path / "bundle", "compact", bundled, FACTS, "Revision {}\n".format)
    clips, expected = written("compact")
    assert_equal(heard(tmp_path / "bundle", clips, tmp_path / "found.csv"), expected, "compact of the pipeline")


def written(name: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the clip table and the probabilities (clip, emotions) that the pipeline wrote."""
    clips = pd.read_csv(CLIPS)
    return clips, pd.read_csv(PREDICTIONS / f"{name}.csv").set_index("clip").loc[
        clips["clip"], list(EMOTIONS)
    ].to_numpy()
