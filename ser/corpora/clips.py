"""The clip table: measurements of each clip in a folder, and the faults of unusable files."""

import functools
import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
import soundfile

from ser.corpora.corpus import Corpus, CorpusError
from ser.corpora.emotions import EMOTIONS
from ser.corpora.wav import is_wav, missing_bytes

COLUMNS = [
    "clip",
    "path",
    "emotion",
    "intensity",
    "statement",
    "repetition",
    "actor",
    "sex",
    "sample_rate_hz",
    "channels",
    "duration_s",
    "peak_dbfs",
    "rms_dbfs",
    "md5",
    "duplicate_of",
]

RATES_HZ = (4000, 192_000)  # lower ones hold no speech
SHORTEST_S = 0.1
LOUDEST = 8.0  # times full scale: floats may exceed it a little, but integers stored as floats are far beyond
QUIETEST = 1e-6
CANCELLED = 1e-6  # of the channels' power, left in their mean


def measure_folder(root: Path, corpus: Corpus, threads: int = 2) -> pd.DataFrame:
    """Measure every clip below `root`: one row a clip, sorted by path, with COLUMNS.

    CorpusError lists every file that is not a whole, audible, rightly named clip of the corpus.
    """
    paths = sorted(PurePosixPath(path.relative_to(root).as_posix()) for path in root.rglob("*") if path.is_file())
    if not paths:
        raise CorpusError(f"{root} holds no clips; expected {corpus.layout} and others. Run `dvc repro fetch`.")
    with ThreadPoolExecutor(threads) as pool:  # hashing, decoding and numpy release the interpreter's lock
        outcomes = list(pool.map(functools.partial(_row_or_problem, root, corpus), paths))
    problems = [outcome for outcome in outcomes if isinstance(outcome, str)]
    if problems:
        listing = "\n".join(f"  {problem}" for problem in problems)
        raise CorpusError(f"{root} holds {len(problems)} files that are no usable clips:\n{listing}")
    clips = pd.DataFrame(outcomes)
    clips["duplicate_of"] = find_duplicates(clips)
    return clips[COLUMNS]


def measure_clip(root: Path, corpus: Corpus, path: PurePosixPath) -> dict[str, object]:
    """Return one clip's row without `duplicate_of`; ValueError says why the file is no usable clip.

    Peak and RMS are those of the mean of the channels, in dB relative to full scale (1.0, so a full-scale square
    wave has an RMS of 0 dBFS).
    """
    name = corpus.parse(path)
    depth = len(PurePosixPath(corpus.layout).parts)
    if len(path.parts) != depth:
        expected = PurePosixPath(*path.parts[-depth:])
        raise ValueError(f"expected at {expected}, directly below the corpus folder")
    content = (root / path).read_bytes()
    samples, sample_rate_hz = decode(content, is_flac=path.suffix == ".flac")
    require_audible(samples, sample_rate_hz)
    mono = samples.mean(axis=1)
    return {
        "clip": name.clip,
        "path": str(path),
        "emotion": name.emotion,
        "intensity": name.intensity,
        "statement": name.statement,
        "repetition": name.repetition,
        "actor": name.actor,
        "sex": name.sex,
        "sample_rate_hz": sample_rate_hz,
        "channels": samples.shape[1],
        "duration_s": len(samples) / sample_rate_hz,
        "peak_dbfs": 20 * np.log10(np.abs(mono).max()),
        "rms_dbfs": 10 * np.log10(np.mean(np.square(mono))),
        "md5": hashlib.md5(content).hexdigest(),
    }


def decode(content: bytes, is_flac: bool = False) -> tuple[np.ndarray, int]:
    """Decode the bytes of a WAV or FLAC file to samples (time, channel), float64 in [-1, 1], and the sample rate in Hz.

    ValueError says why it cannot be: another format, truncated, or without samples.
    """
    if not is_flac and not is_wav(content):
        raise ValueError("unreadable: not a WAV file" if content else "empty: 0 bytes")
    if not is_flac and (missing := missing_bytes(content)):
        raise ValueError(f"truncated: {missing} bytes fewer than its header says")
    try:
        samples, sample_rate_hz = soundfile.read(io.BytesIO(content), always_2d=True)
    except soundfile.LibsndfileError as error:
        raise ValueError(f"unreadable: {error.error_string}") from error
    if not len(samples):
        raise ValueError("empty: 0 samples")
    return samples, sample_rate_hz


def require_audible(samples: np.ndarray, sample_rate_hz: int) -> None:
    """Raise ValueError that says why samples (time, channel) are no clip: too short, too loud, silent, odd rate."""
    low, high = RATES_HZ
    if not low <= sample_rate_hz <= high:
        raise ValueError(f"its sample rate is {sample_rate_hz} Hz; expected {low} to {high}")
    duration_s = len(samples) / sample_rate_hz
    if duration_s < SHORTEST_S:
        raise ValueError(f"lasts {duration_s:.4f} s, {len(samples)} samples; expected {SHORTEST_S} s or more")
    peak = max(samples.max(), -samples.min())  # NaN where any sample is
    if not np.isfinite(peak):
        raise ValueError("holds NaN or infinite samples")
    if peak > LOUDEST:
        raise ValueError(f"holds samples up to {peak:.3g}; expected floats within ±1, full scale")
    if peak < QUIETEST:
        raise ValueError(f"silent: its loudest sample is {peak:.2g} of full scale")
    if samples.shape[1] > 1 and np.square(samples.mean(axis=1)).mean() <= CANCELLED * np.square(samples).mean():
        raise ValueError("its channels cancel each other (antiphase), so their mean is silent; keep one of them")


def split_off_others(clips: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Return the clips of the eight emotions, and how many there are of each other one."""
    known = clips["emotion"].isin(EMOTIONS)
    return clips[known].reset_index(drop=True), clips.loc[~known, "emotion"].value_counts()


def require_emotions(clips: pd.DataFrame, source: Path) -> None:
    """Raise CorpusError with the emotions that no clip has: every model learns all of them."""
    if missing := [emotion for emotion in EMOTIONS if emotion not in set(clips["emotion"])]:
        raise CorpusError(
            f"{source} has no clips of {', '.join(missing)}; every model learns all {len(EMOTIONS)} emotions. "
            "Add clips of each, and run `dvc repro`."
        )


def find_duplicates(clips: pd.DataFrame) -> pd.Series:
    """Name for each clip the first one with the same bytes; missing where it is the first itself."""
    first = clips.groupby("md5")["clip"].transform("first")
    return first.where(first != clips["clip"])


def summarise(clips: pd.DataFrame) -> str:
    """Say in a few lines what the table holds."""
    counts = clips["emotion"].value_counts().reindex(EMOTIONS, fill_value=0)
    repeats = clips[clips["duplicate_of"].notna()]
    return "\n".join(
        (
            f"{len(clips)} clips of {clips['actor'].nunique()} actors, {clips['duration_s'].sum() / 3600:.2f} h",
            "emotions: " + ", ".join(f"{emotion} {count}" for emotion, count in counts.items()),
            f"stereo: {(clips['channels'] == 2).sum()} (the channels' mean is used)",
            f"duplicates: {len(repeats)}"
            + "".join(f"\n  {row.path} repeats {row.duplicate_of}" for row in repeats.itertuples()),
        )
    )


def _row_or_problem(root: Path, corpus: Corpus, path: PurePosixPath) -> dict[str, object] | str:
    try:
        return measure_clip(root, corpus, path)
    except (ValueError, OSError) as error:
        return f"{path}: {error}"
