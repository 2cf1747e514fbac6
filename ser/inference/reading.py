"""A recording of any format → blocks of samples, checked."""

import dataclasses
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ser.inference.decoders import wav
from ser.inference.decoders.sound import Sound
from ser.inference.rows import RecordingError

RATES_HZ = (4_000, 192_000)
CHANNELS = (1, 32)
SHORTEST_S = 0.1
LOUDEST = 2.0**31  # of floats that were meant as integers of 32 bits; damaged ones are up to 1e38
AGAIN = "Copy or record it again"


def open_recording(path: Path) -> Sound:
    """Open a file and check what it says of itself; RecordingError tells the reason and what to do.

    Damage within shows while its blocks are read.
    """
    try:
        return checked(_open(path))
    except OSError as error:
        raise RecordingError(error.strerror or str(error), "Look at its name and its permissions") from error


def checked(sound: Sound) -> Sound:
    """Refuse a rate or number of channels out of range at once; samples and a duration when they come."""
    low, high = RATES_HZ
    if not low <= sound.sample_rate_hz <= high:
        raise RecordingError(
            f"has {sound.sample_rate_hz} samples a second; {low} to {high} are heard",
            "Convert it: `ffmpeg -i FILE -ar 16000 new.wav`",
        )
    if not CHANNELS[0] <= sound.channels <= CHANNELS[1]:
        raise RecordingError(
            f"has {sound.channels} channels; {CHANNELS[0]} to {CHANNELS[1]} are heard",
            "Convert it: `ffmpeg -i FILE -ac 1 new.wav`",
        )
    return Sound(sound.sample_rate_hz, sound.channels, _checked(sound))


def _checked(sound: Sound) -> Iterator[np.ndarray]:
    frames = 0
    for block in sound.blocks:
        frames += len(block)
        if not (np.abs(block) <= LOUDEST).all():
            raise RecordingError("holds samples that are no finite numbers, or no sound", AGAIN)
        yield block
    if frames < SHORTEST_S * sound.sample_rate_hz:
        duration_s = frames / sound.sample_rate_hz
        raise RecordingError(f"lasts {duration_s:.2f} s; at least {SHORTEST_S} s are needed", "Give a longer recording")


def _open(path: Path) -> Sound:
    with path.open("rb") as file:
        head = file.read(12)
        file.seek(0)
        if not head:
            raise RecordingError("empty: 0 bytes", AGAIN)
        if head[:4] in (b"RIFF", b"RF64") and head[8:] == b"WAVE":
            header = wav.read_header(file)
            _require_whole((header.data_bytes or 0) - (os.fstat(file.fileno()).st_size - file.tell()))
            if wav.reads(header.format):
                return _open_wav(path)
        elif head[:4] == b"FORM":
            _require_whole(8 + struct.unpack(">I", head[4:8])[0] - os.fstat(file.fileno()).st_size)
        elif head[:4] == b"OggS":
            _require_last_page(file)
    return _open_compressed(path, head)


def _open_wav(path: Path) -> Sound:
    file = path.open("rb")
    sound = wav.read_samples(file, wav.read_header(file))
    return dataclasses.replace(sound, blocks=_closing(file, sound.blocks))


def _open_compressed(path: Path, head: bytes) -> Sound:
    import soundfile  # takes longer to import than a WAV file to read

    from ser.inference.decoders import ffmpeg, sndfile

    try:
        return sndfile.open_sound(path)
    except soundfile.LibsndfileError as error:
        if head[:4] == b"fLaC":  # FFmpeg would skip what is damaged
            raise RecordingError(f"damaged: {error.error_string}", AGAIN) from error
        return ffmpeg.open_sound(path)


def _closing(file: BinaryIO, blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    with file:
        yield from blocks


def _require_whole(missing_bytes: int) -> None:
    # What decodes samples would decode what is left of a truncated file without a word
    if missing_bytes > 0:
        raise RecordingError(f"cut short: {missing_bytes} bytes fewer than its header says", AGAIN)


def _require_last_page(file: BinaryIO) -> None:
    """Refuse an Ogg file whose last page is not marked as the last, or not whole (RFC 3533, section 6)."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 2**17))  # a page has at most 65307 bytes
    page = file.read().rpartition(b"OggS")[2]  # from its version on
    whole = len(page) > 22 and len(page) >= 23 + page[22] + sum(page[23 : 23 + page[22]])
    if not whole or not page[1] & 4:
        raise RecordingError("cut short: its last page is missing or not whole", AGAIN)
