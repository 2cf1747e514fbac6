"""WAV files → the clip table, and what is wrong with those that cannot be used."""

import hashlib
import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from ser.corpora.clips import COLUMNS, measure_folder, summarise
from ser.corpora.corpus import CorpusError
from ser.corpora.ravdess import RAVDESS, all_names
from ser.corpora.wav import missing_bytes
from ser.features.audio import load_mono
from ser.storage.files import read_table, write_table
from stages import ingest

NAMES = [str(path) for path in all_names(2)[::20]]  # three clips each of two actors
FIRST, SECOND, THIRD = NAMES[:3]


def tone(amplitude: float = 0.5, samples: int = 4800) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * 1000 * np.arange(samples) / 48_000)


def write(root: Path, name: str, samples: np.ndarray, subtype: str = "PCM_16") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, 48_000, subtype=subtype)
    return path


def in_form(form: str, samples: np.ndarray) -> bytes:
    """The bytes of a WAV file of 16 bits in one of the forms that libsndfile reads."""
    file = io.BytesIO()
    options = {"format": "RF64"} if form == "RF64" else {"format": "WAV", "endian": "BIG" if form == "RIFX" else "FILE"}
    soundfile.write(file, samples, 48_000, subtype="PCM_16", **options)
    content = file.getvalue()
    if form in PIPES:  # sizes as a program writes them that cannot go back to the header
        riff, data = (struct.pack("<I", size) for size in PIPES[form])
        content = content[:4] + riff + content[8:40] + data + content[44:]
    return content


PIPES = {"ffmpeg's pipe": (0xFFFFFFFF, 0xFFFFFFFF), "SoX's pipe": (0x7FFFF024, 0x7FFFF000)}


@pytest.fixture
def raw(tmp_path) -> Path:
    """A sound corpus of six clips, all different."""
    for index, name in enumerate(NAMES):
        write(tmp_path / "raw", name, tone(samples=4800 + index))
    return tmp_path / "raw"


@pytest.fixture
def every_emotion(tmp_path, monkeypatch) -> list[str]:
    """The names of a clip of each emotion, in a project's `data/raw`."""
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text("corpus: {name: ravdess}", encoding="utf-8")
    names = list({path.name[6:8]: str(path) for path in all_names(1)}.values())
    for index, name in enumerate(names):
        write(Path("data/raw"), name, tone(samples=4800 + index))
    return names


def problem_with(root: Path) -> str:
    """The message's lines below the first."""
    with pytest.raises(CorpusError) as error:
        measure_folder(root, RAVDESS)
    return "\n".join(line.strip() for line in str(error.value).splitlines()[1:])


def test_the_table_has_a_row_a_clip_sorted_by_path(raw):
    clips = measure_folder(raw, RAVDESS)
    assert list(clips.columns) == COLUMNS
    assert list(clips["path"]) == NAMES
    assert list(clips["clip"]) == [Path(name).stem for name in NAMES]


def test_a_row_holds_names_and_measures(raw):
    row = measure_folder(raw, RAVDESS).iloc[-1]
    expected = {"emotion": "fearful", "intensity": "strong", "statement": 1, "repetition": 1, "actor": 2}
    assert row[list(expected)].to_dict() == expected
    assert (row["sex"], row["sample_rate_hz"], row["channels"]) == ("female", 48_000, 1)
    assert row["duration_s"] == pytest.approx(4805 / 48_000)
    assert row["peak_dbfs"] == pytest.approx(-6.02, abs=0.01)
    assert row["rms_dbfs"] == pytest.approx(-9.03, abs=0.01)
    assert row["md5"] == hashlib.md5((raw / NAMES[-1]).read_bytes()).hexdigest()


def test_the_level_of_stereo_is_that_of_the_mean_of_its_channels(raw):
    write(raw, FIRST, np.stack([tone(0.5), tone(0.1)], axis=1))
    clips = measure_folder(raw, RAVDESS).set_index("path")
    assert clips["channels"].to_dict() == {name: 2 if name == FIRST else 1 for name in NAMES}
    assert clips.loc[FIRST, "peak_dbfs"] == pytest.approx(20 * np.log10(0.3), abs=0.01)
    assert "stereo: 1 " in summarise(measure_folder(raw, RAVDESS))


def test_chunks_beside_the_audio_are_read_over(raw):
    plain = (raw / FIRST).read_bytes()
    filler = b"FLLR" + struct.pack("<I", 100) + bytes(100)
    size = struct.pack("<I", len(plain) - 8 + 2 * len(filler))
    (raw / FIRST).write_bytes(plain[:4] + size + plain[8:36] + filler + plain[36:] + filler)
    assert measure_folder(raw, RAVDESS)["duration_s"].iloc[0] == 0.1


def test_a_repeated_clip_names_the_first_of_its_kind(raw):
    for name in (SECOND, NAMES[4]):
        (raw / name).write_bytes((raw / FIRST).read_bytes())
    clips = measure_folder(raw, RAVDESS)
    repeats = clips.dropna(subset="duplicate_of").set_index("path")["duplicate_of"]
    assert repeats.to_dict() == dict.fromkeys([SECOND, NAMES[4]], Path(FIRST).stem)
    assert f"duplicates: 2\n  {SECOND} repeats {Path(FIRST).stem}" in summarise(clips)


@pytest.mark.parametrize("repeats", [0, 1])
def test_the_table_reads_back_as_it_was(raw, tmp_path, repeats):
    for name in NAMES[1 : 1 + repeats]:
        (raw / name).write_bytes((raw / FIRST).read_bytes())
    clips = measure_folder(raw, RAVDESS)
    write_table(clips, tmp_path / "clips.csv", digits=12)
    again = read_table(tmp_path / "clips.csv", duplicate_of=str)
    assert again["duplicate_of"].notna().sum() == repeats
    assert again.round(9).astype(object).equals(clips.round(9).astype(object))


def damage(path: Path, kind: str) -> None:
    """Overwrite a clip with one that cannot be used."""
    name, root = f"{path.parent.name}/{path.name}", path.parent.parent
    content = path.read_bytes()
    match kind:
        case "zero bytes":
            path.write_bytes(b"")
        case "text":
            path.write_text("no audio, but long enough to hold a header", encoding="utf-8")
        case "flac":
            soundfile.write(path, tone(), 48_000, format="FLAC")
        case "garbled":
            path.write_bytes(content[:12] + bytes(len(content) - 12))
        case "truncated":
            path.write_bytes(content[:-1000])
        case "header only":
            path.write_bytes(content[:20])
        case "data chunk too long":
            path.write_bytes(content[:40] + struct.pack("<I", len(content) + 56) + content[44:])
        case "no samples":
            write(root, name, tone(samples=0))
        case "silent":
            write(root, name, np.zeros(4800))
        case "inaudible":
            write(root, name, np.full(4800, 1e-30), "FLOAT")
        case "cancelling":
            write(root, name, np.stack([tone(), -tone()], axis=1))
        case "nearly cancelling":
            write(root, name, np.stack([tone(), -tone(0.4999)], axis=1), "FLOAT")
        case "one channel of nan":
            write(root, name, np.stack([tone(), np.full(4800, np.nan)], axis=1), "FLOAT")
        case "opposite infinities":
            write(root, name, np.stack([np.full(4800, np.inf), np.full(4800, -np.inf)], axis=1), "FLOAT")
        case "nan" | "inf":
            write(root, name, np.append(tone(), float(kind)), "FLOAT")
        case "far too loud":
            write(root, name, np.append(tone(), 1e30), "FLOAT")
        case "integers as floats":
            write(root, name, tone() * 2**15, "FLOAT")
        case "ten samples":
            write(root, name, tone(samples=10))
        case "slow":
            soundfile.write(path, tone(), 2000)
        case "fast":
            path.write_bytes(content[:24] + struct.pack("<I", 2**31 - 1) + content[28:])
        case "aiff":
            soundfile.write(path, tone(), 48_000, format="AIFF")
        case "truncated rifx":
            path.write_bytes(in_form("RIFX", tone())[:-1000])
        case "truncated rf64":
            path.write_bytes(in_form("RF64", tone())[:-1000])


DAMAGES = {
    "zero bytes": "empty: 0 bytes",
    "text": "unreadable: not a WAV file",
    "flac": "unreadable: not a WAV file",
    "garbled": "unreadable",
    "truncated": "truncated: 1000 bytes fewer",
    "header only": "truncated",
    "data chunk too long": "truncated: 100 bytes fewer",
    "no samples": "empty: 0 samples",
    "silent": "silent",
    "inaudible": "silent: its loudest sample is 1e-30 of full scale",
    "cancelling": "its channels cancel each other (antiphase)",
    "nearly cancelling": "its channels cancel each other (antiphase)",
    "one channel of nan": "holds NaN or infinite samples",
    "opposite infinities": "holds NaN or infinite samples",
    "far too loud": "holds samples up to 1e+30; expected floats within ±1",
    "integers as floats": "holds samples up to 1.64e+04; expected floats within ±1",
    "ten samples": "lasts 0.0002 s, 10 samples; expected 0.1 s or more",
    "slow": "its sample rate is 2000 Hz; expected 4000 to 192000",
    "fast": "its sample rate is 2147483647 Hz; expected 4000 to 192000",
    "aiff": "unreadable: not a WAV file",
    "truncated rifx": "truncated: 1000 bytes fewer",
    "truncated rf64": "truncated: 1000 bytes fewer",
    "nan": "holds NaN or infinite samples",
    "inf": "holds NaN or infinite samples",
}


@pytest.mark.parametrize("form", ["RIFX", "RF64", *PIPES])
def test_every_form_of_wav_measures_as_the_usual_one(raw, form):
    usual = measure_folder(raw, RAVDESS).drop(columns=["md5", "duplicate_of"])
    (raw / FIRST).write_bytes(in_form(form, tone()))
    assert measure_folder(raw, RAVDESS).drop(columns=["md5", "duplicate_of"]).equals(usual)
    torch.testing.assert_close(load_mono(raw / FIRST, 16_000)[100:-100], load_mono(raw / SECOND, 16_000)[100:1500])


@pytest.mark.parametrize(("kind", "reason"), DAMAGES.items())
def test_a_clip_that_cannot_be_used_is_named_with_the_reason(raw, kind, reason):
    damage(raw / SECOND, kind)
    assert problem_with(raw).startswith(f"{SECOND}: {reason}")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Actor_01/notes.txt", "expected a name like"),
        ("Actor_01/03-01-09-01-01-01-01.wav", "emotion 09"),
        (f"Actor_02/{Path(FIRST).name}", "belongs in Actor_01"),
        (f"more/{FIRST}", "directly below the corpus folder"),
        (Path(FIRST).name, "belongs in Actor_01"),
    ],
)
def test_a_file_with_the_wrong_name_or_place_is_named_with_the_reason(raw, name, reason):
    (raw / name).parent.mkdir(parents=True, exist_ok=True)
    (raw / name).write_bytes((raw / FIRST).read_bytes())
    problem = problem_with(raw)
    assert problem.startswith(f"{name}: ")
    assert reason in problem


def test_every_offending_file_is_listed_at_once(raw):
    damage(raw / FIRST, "silent")
    damage(raw / THIRD, "truncated")
    (raw / "notes.txt").write_text("x", encoding="utf-8")
    problems = problem_with(raw).splitlines()
    assert [problem.split(":")[0] for problem in problems] == [FIRST, THIRD, "notes.txt"]


@pytest.mark.parametrize("exists", [True, False])
def test_a_folder_without_clips_is_an_error(tmp_path, exists):
    if exists:
        (tmp_path / "raw").mkdir()
    with pytest.raises(CorpusError, match="raw holds no clips"):
        measure_folder(tmp_path / "raw", RAVDESS)


def test_ingest_writes_the_table_and_says_what_it_holds(every_emotion, capsys):
    ingest.main()
    first = Path("data/clips.csv").read_bytes()
    ingest.main()
    assert Path("data/clips.csv").read_bytes() == first
    assert list(read_table(Path("data/clips.csv"))["path"]) == every_emotion
    assert "8 clips of 1 actors" in capsys.readouterr().out


def test_a_corpus_without_some_emotions_is_refused_by_their_names(every_emotion):
    for name in (every_emotion[1], every_emotion[6]):
        Path("data/raw", name).unlink()
    with pytest.raises(SystemExit, match=r"^ingest: data/raw has no clips of calm, disgust; every model learns all 8"):
        ingest.main()
    assert not Path("data/clips.csv").exists()


def test_ingest_fails_with_one_message_and_writes_nothing(raw, monkeypatch):
    monkeypatch.chdir(raw.parent)
    (raw.parent / "data").mkdir()
    raw.rename("data/raw")
    Path("params.yaml").write_text("corpus: {name: ravdess}", encoding="utf-8")
    damage(Path("data/raw", FIRST), "silent")
    with pytest.raises(SystemExit, match=f"ingest: .*\n  {FIRST}: silent"):
        ingest.main()
    assert not Path("data/clips.csv").exists()


def test_missing_bytes_counts_what_was_cut(raw):
    content = (raw / FIRST).read_bytes()
    assert [missing_bytes(content[:end]) for end in (len(content), -1, -1000)] == [0, 1, 1000]
    assert missing_bytes(b"") == 12
