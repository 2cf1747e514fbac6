"""WAV or raw samples on standard input."""

import io
import sys

from ser.inference.decoders import wav
from ser.inference.decoders.sound import Sound
from ser.inference.reading import checked
from ser.inference.rows import RecordingError
from ser.inference.settings import RAW, RawFormat

BLOCK_SAMPLES = 2**14  # what comes together is answered together


def open_standard_input(raw: RawFormat | None) -> Sound:
    """Open standard input; RecordingError where it is neither WAV nor declared raw."""
    file = sys.stdin.buffer
    if sys.stdin.isatty():
        raise RecordingError("standard input is a terminal", "Pipe sound in: `ffmpeg -i FILE -f wav - | ser predict -`")
    return read_stream(file, raw)


def read_stream(file: io.BufferedReader, raw: RawFormat | None) -> Sound:
    """Read WAV, or raw samples, from front to back."""
    if raw is not None:
        tag, bits = RAW[raw.kind]
        header = wav.Header(wav.Format(tag, bits, raw.sample_rate_hz, raw.channels), None)
    elif not file.peek(4).startswith((b"RIFF", b"RF64")):
        raise RecordingError("standard input is no WAV", "Pipe WAV in, or say with --raw what it is: --raw 16000,1,s16")
    else:
        header = wav.read_header(file)
        if not wav.reads(header.format):
            raise RecordingError("standard input is WAV of a kind that no stream can have", wav.CONVERT)
    return checked(wav.read_samples(file, header, BLOCK_SAMPLES))
