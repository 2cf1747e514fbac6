"""What libsndfile decodes: WAV, RF64, AIFF, FLAC, OGG (Vorbis, Opus), MP3, AU, CAF and more."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from ser.inference.decoders.sound import BLOCK_SAMPLES, Sound
from ser.inference.rows import RecordingError


def open_sound(path: Path) -> Sound:
    """Open a file; soundfile.LibsndfileError if it is none of its formats."""
    try:
        file = soundfile.SoundFile(path)
    except TypeError as error:  # by its name, as `a.raw`
        raise RecordingError("raw samples, without a header", f"Say how they are stored: {RAW_EXAMPLE}") from error
    return Sound(file.samplerate, file.channels, _blocks(file))


RAW_EXAMPLE = "`ser predict - --raw 16000,1,s16 < FILE`"


def _blocks(file: soundfile.SoundFile) -> Iterator[np.ndarray]:
    with file:
        # libsndfile takes three times as long to decode 16-bit samples as floats; the values are the same
        kind = "int16" if file.subtype == "PCM_16" else "float32"
        frames, done = max(1, BLOCK_SAMPLES // file.channels), 0
        try:
            while len(block := file.read(frames, dtype=kind, always_2d=True)):
                done += len(block)
                yield block.astype(np.float32) / 2**15 if kind == "int16" else block
        except soundfile.LibsndfileError as error:
            raise RecordingError(f"damaged after {done / file.samplerate:.1f} s", "Copy or record it again") from error
        if done < file.frames:
            missing_s = (file.frames - done) / file.samplerate
            raise RecordingError(f"cut short: {missing_s:.1f} s less than its header says", "Copy or record it again")
