"""Whatever stands in a file, the code that reads it returns, or says in one message what is wrong: no traceback.

Each property is tried on 100 cases, in `make test-all` on 2000; the profiles are in `conftest.py`, the cases
in `odd_files.py`.
"""

import math
import re
import struct
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pytest
import torch
from dvc.utils.serialize import parse_yaml as parse_as_dvc
from hypothesis import given
from hypothesis import strategies as st

from fusion import fuse_branches
from fusion.branches import make_table
from ser.corpora.clip_table import read_clips, read_splits
from ser.corpora.clips import measure_folder
from ser.corpora.emotions import EMOTIONS
from ser.corpora.ravdess import RAVDESS, all_names, parse_name
from ser.data.tables import join_splits, labels_of
from ser.evaluation.runs import read_runs
from ser.features.audio import AudioSettings, load_mono
from ser.features.fixed_mel import FixedMel, MelSettings
from ser.features.own_length_mel import LogMelSettings, OwnLengthMel
from ser.storage.errors import reporting
from ser.storage.files import read_table
from ser.storage.params import build, read_params
from ser.storage.yaml12 import parse_yaml
from stages import evaluate, ingest, split
from tests.odd_files import CODES, COMMITTED, NAMES, edited_params, mutated, odd_branch, odd_table, parquet_of
from tests.test_clips import PIPES, in_form, tone
from tests.test_contract import FULL_ABOUT, columns_of
from tests.test_params import SETTINGS

Result = TypeVar("Result")

CORPUS = set(all_names())
CLIP = all_names(1)[0]
FORMS = {form: in_form(form, tone(samples=5000)) for form in ("RIFF", "RIFX", "RF64", *PIPES)}
MEL = FixedMel(AudioSettings(16_000, 0.3), MelSettings(20, 400, 160, 80.0))
LOGMEL = OwnLengthMel(16_000, LogMelSettings(20, 512, 160, 80.0, 35.0))

PARSED = [parse_name(path) for path in all_names(4)]
CLIPS = pd.DataFrame([vars(name) | {"sex": name.sex, "duplicate_of": None} for name in PARSED])
SPLITS = CLIPS[["clip"]].assign(split=["train", "val", "test"] * 80)
SHARES = np.random.default_rng(0).dirichlet(np.ones(len(EMOTIONS)), len(CLIPS)).round(4)
PREDICTIONS = CLIPS[["clip"]].assign(
    split=SPLITS["split"], emotion=CLIPS["emotion"], **dict(zip(EMOTIONS, SHARES.T, strict=True))
)
CLIPS_CSV, SPLITS_CSV, PREDICTIONS_CSV = (table.to_csv(index=False).encode() for table in (CLIPS, SPLITS, PREDICTIONS))
FACTS = b'{"temperature": 1.5}'

BRANCH = make_table(FULL_ABOUT, columns_of())
OTHER_BRANCH = make_table(FULL_ABOUT | {"modality": "text"}, columns_of(seed=1))


def outcome(function: Callable[..., Result], *arguments: Any) -> Result | None:
    """What a function returns, or None where it ends with the message of an expected error; a fault fails the test."""
    try:
        with reporting("stage"):
            return function(*arguments)
    except SystemExit as ended:
        if "a fault of this program" in str(ended):
            raise ended.__cause__ from None
        assert re.match(r"\w+: \S", str(ended))
        return None


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The working directory of all cases of this file."""
    folder = tmp_path_factory.mktemp("properties")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield folder


# Params files


@given(text=edited_params() | st.text())
def test_a_params_file_is_read_as_dvc_reads_it_or_refused_where_dvc_refuses_it(text):
    ours = outcome(parse_yaml, text, "params.yaml")
    try:
        theirs = parse_as_dvc(text, "params.yaml")
    except Exception:  # whatever ruamel.yaml raises
        assert ours is None
    else:
        assert repr(ours) == repr(theirs)  # as text: NaN equals no NaN


@given(text=edited_params() | st.text())
def test_a_params_file_makes_settings_or_a_message(folder, text):
    path = folder / "params.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    for section, kind in SETTINGS.items():
        settings = outcome(lambda section=section, kind=kind: build(kind, read_params(path, section), section))
        assert all(math.isfinite(value) for value in vars(settings or kind).values() if isinstance(value, float))


# File names


@given(name=NAMES, actor=CODES)
def test_a_file_name_is_one_of_the_corpus_or_refused(name, actor):
    path = PurePosixPath(f"Actor_{actor}", name)
    parsed = outcome(parse_name, path)
    assert (parsed is not None) == (path in CORPUS)
    assert parsed is None or f"{parsed.clip}.wav" == name


@given(name=NAMES)
def test_a_corpus_with_any_other_file_in_it_is_measured_or_refused(folder, name):
    raw = folder / "named/data/raw"
    (raw / "Actor_01").mkdir(parents=True, exist_ok=True)
    (folder / "named/params.yaml").write_text("corpus: {name: ravdess}", encoding="utf-8")
    try:
        for path in (CLIP, f"Actor_01/{name}"):
            (raw / path).write_bytes(FORMS["RIFF"])
    except (OSError, UnicodeEncodeError):  # the file system has no such name
        return
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit, match=r"^ingest: data/raw h") as ended:
        patch.chdir(folder / "named")
        ingest.main()
    (raw / "Actor_01" / name).unlink()
    assert "no clips of" in str(ended.value) or f"Actor_01/{name}: " in str(ended.value)


# WAV headers


@given(content=st.sampled_from(list(FORMS.values())).flatmap(lambda form: mutated(form, head=120)) | st.binary())
def test_a_wav_file_that_is_accepted_gives_finite_features(folder, content):
    raw = folder / "wav"
    (raw / "Actor_01").mkdir(parents=True, exist_ok=True)
    (raw / CLIP).write_bytes(content)
    clips = outcome(measure_folder, raw, RAVDESS)
    if clips is not None:
        assert np.isfinite(clips[["duration_s", "peak_dbfs", "rms_dbfs"]].to_numpy()).all()
        waveform = load_mono(raw / CLIP, 16_000)
        assert abs(len(waveform) - 16_000 * clips["duration_s"][0]) < 1
        assert all(torch.isfinite(features).all() for features in (MEL([waveform]), *LOGMEL([waveform])))


@given(
    sizes=st.tuples(*[st.integers(0, 2**32 - 1) | st.sampled_from([0, 10_036, 10_000, 2**31, 2**32 - 1])] * 2),
    rate_hz=st.integers(0, 2**32 - 1) | st.integers(3_000, 200_000),
    channels=st.integers(0, 3),
)
def test_any_sizes_rate_and_channels_in_a_header_are_measured_or_refused(folder, sizes, rate_hz, channels):
    raw, content = folder / "wav", FORMS["RIFF"]
    (raw / "Actor_01").mkdir(parents=True, exist_ok=True)
    riff, data = (struct.pack("<I", size) for size in sizes)
    form = struct.pack("<HI", channels, rate_hz)
    (raw / CLIP).write_bytes(content[:4] + riff + content[8:22] + form + content[28:40] + data + content[44:])
    clips = outcome(measure_folder, raw, RAVDESS)
    if clips is not None:
        assert 4_000 <= clips["sample_rate_hz"][0] <= 192_000
        assert 0.1 <= clips["duration_s"][0] <= 10_000 / 2 / 4_000
        assert abs(len(load_mono(raw / CLIP, 16_000)) - 16_000 * clips["duration_s"][0]) < 1


# Tables


@given(content=odd_table(CLIPS_CSV), protocol=st.sampled_from(["stratified", "speaker_independent"]))
def test_a_table_of_clips_is_split_or_refused(folder, content, protocol):
    params = "\n".join(COMMITTED[Path("params.yaml")]).replace("protocol: stratified", f"protocol: {protocol}")
    (folder / "params.yaml").write_text(params, encoding="utf-8")
    split.CLIPS.parent.mkdir(exist_ok=True)
    split.SPLITS.unlink(missing_ok=True)
    split.CLIPS.write_bytes(content)
    outcome(split.main)
    if split.SPLITS.exists():
        assert set(read_table(split.SPLITS)["split"]) == {"train", "val", "test"}


@given(clips=odd_table(CLIPS_CSV), splits=odd_table(SPLITS_CSV) | st.just(SPLITS_CSV))
def test_tables_of_clips_and_splits_are_matched_or_refused(folder, clips, splits):
    (folder / "clips.csv").write_bytes(clips)
    (folder / "splits.csv").write_bytes(splits)

    def match() -> torch.Tensor:
        clips = read_clips(folder / "clips.csv", "clip", "emotion")
        return labels_of(join_splits(clips, read_splits(folder / "splits.csv")))

    labels = outcome(match)
    assert labels is None or 0 <= labels.min() <= labels.max() < len(EMOTIONS)


@given(content=odd_table(PREDICTIONS_CSV) | st.just(PREDICTIONS_CSV), facts=st.just(FACTS) | mutated(FACTS))
def test_tables_of_runs_are_read_or_refused(folder, content, facts):
    (folder / "runs").mkdir(exist_ok=True)
    (folder / "runs/1-1.csv").write_bytes(content)
    (folder / "runs/1-1.json").write_bytes(facts)
    runs = outcome(read_runs, folder / "runs")
    assert runs is None or (runs["temperature"].between(0, 1e9) & runs["emotion"].isin(EMOTIONS)).all()


@given(
    predictions=odd_table(PREDICTIONS_CSV) | st.just(PREDICTIONS_CSV), clips=st.just(CLIPS_CSV) | odd_table(CLIPS_CSV)
)
def test_a_table_of_predictions_is_evaluated_or_refused(folder, predictions, clips):
    (folder / "data/predictions").mkdir(parents=True, exist_ok=True)
    (folder / "data/predictions/m.csv").write_bytes(predictions)
    (folder / "data/clips.csv").write_bytes(clips)
    outcome(evaluate.evaluate, "m")


# Parquet branches


@given(content=odd_branch(BRANCH))
def test_a_branch_is_joined_with_another_or_refused(folder, content):
    paths = folder / "odd.parquet", folder / "text.parquet"
    for path, written in zip(paths, (content, parquet_of(OTHER_BRANCH)), strict=True):
        path.write_bytes(written)
    joined = outcome(lambda: fuse_branches.align(fuse_branches.read_branches(list(paths))))
    if joined:
        _, logs, present = joined
        assert np.isfinite(logs).all()
        assert present.any(axis=0).all()
