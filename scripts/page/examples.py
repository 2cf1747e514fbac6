"""The page's examples: the synthetic voice of the small corpus, in 16 kHz."""

from pathlib import Path, PurePosixPath

import numpy as np
import soundfile

from ser.corpora.ravdess import parse_name
from ser.corpora.synthesis import SAMPLE_RATE_HZ, synthesise_clip
from ser.inference.resampling import Resampler

RATE_HZ = 16_000
SEED = 42
# The clips of each, by RAVDESS's names: 03-01-emotion-intensity-statement-repetition-actor
EXAMPLES = {
    "loud": ["03-01-05-02-01-01-01"],
    "soft": ["03-01-04-01-02-01-02"],
    "changing": [f"03-01-{emotion:02}-01-{1 + emotion % 2:02}-01-02" for emotion in (1, 5, 4, 3, 6, 2, 8, 7)],
}


def write_examples(folder: Path) -> None:
    """Write a WAV of 16 bits for each example."""
    for name, clips in EXAMPLES.items():
        speech = np.concatenate([synthesise_clip(parse_name(_path(clip)), SEED) for clip in clips]).astype(np.float32)
        resampler = Resampler(SAMPLE_RATE_HZ, RATE_HZ)
        waveform = np.concatenate([resampler.push(speech), resampler.finish()])
        soundfile.write(folder / f"{name}.wav", waveform, RATE_HZ, subtype="PCM_16")


def _path(clip: str) -> PurePosixPath:
    return PurePosixPath(f"Actor_{clip[-2:]}/{clip}.wav")
