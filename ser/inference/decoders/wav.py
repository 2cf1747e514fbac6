"""WAV, read from front to back, so that it may come from a pipe; and raw samples."""

import dataclasses
import functools
import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np

from ser.inference.decoders.sound import BLOCK_SAMPLES, Sound
from ser.inference.rows import RecordingError

PCM, FLOAT, A_LAW, MU_LAW, EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
STREAMED = (0, 0xFFFFFFFF)  # sizes that writers leave who do not know the end yet
CONVERT = "Convert it: `ffmpeg -i FILE new.wav`"


@dataclasses.dataclass(frozen=True)
class Format:
    """How samples are stored: a format tag of WAV, and the bits of each."""

    tag: int
    bits: int
    sample_rate_hz: int
    channels: int

    @property
    def frame_bytes(self) -> int:
        return self.channels * ((self.bits + 7) // 8)


@dataclasses.dataclass(frozen=True)
class Header:
    """What stands before the samples; data_bytes: None where the writer did not know."""

    format: Format
    data_bytes: int | None


def read_header(file: BinaryIO) -> Header:
    """Read up to the first sample; RecordingError says what is wrong."""
    riff = _exactly(file, 12)
    if riff[:4] not in (b"RIFF", b"RF64") or riff[8:] != b"WAVE":
        raise RecordingError("no WAV header", CONVERT)
    found, long_bytes = None, None
    while True:
        name, size = struct.unpack("<4sI", _exactly(file, 8))
        if name == b"data":
            break
        if size > 2**24:
            raise RecordingError(f"its header is damaged: a chunk {name!r} of {size} bytes before the samples", CONVERT)
        content = _exactly(file, size + size % 2)
        if name == b"fmt ":
            found = _parse_format(content)
        elif name == b"ds64" and len(content) >= 16:
            long_bytes = struct.unpack_from("<Q", content, 8)[0]
    if found is None:
        raise RecordingError("its header is damaged: it does not say how the samples are stored", CONVERT)
    if riff[:4] == b"RF64" and size == 0xFFFFFFFF:
        return Header(found, long_bytes)
    return Header(found, None if size in STREAMED else size)


def reads(form: Format) -> bool:
    """Whether samples that are stored so are decoded here; libsndfile and FFmpeg know some others."""
    return (form.tag, form.bits) in DECODERS and form.channels > 0


def read_samples(file: BinaryIO, header: Header, block_samples: int = BLOCK_SAMPLES) -> Sound:
    """Decode what follows a header. Fewer samples than it says are a RecordingError, at the end."""
    return Sound(header.format.sample_rate_hz, header.format.channels, _blocks(file, header, block_samples))


def _blocks(file: BinaryIO, header: Header, block_samples: int) -> Iterator[np.ndarray]:
    form, left = header.format, header.data_bytes
    decode = DECODERS[form.tag, form.bits]
    block_bytes = max(1, block_samples // form.channels) * form.frame_bytes
    held = b""
    while left is None or left > 0:
        # read1 returns what a pipe has, and does not wait for the rest
        content = file.read1(block_bytes if left is None else min(block_bytes, left))
        if not content:
            break
        left = None if left is None else left - len(content)
        held += content
        whole = len(held) // form.frame_bytes * form.frame_bytes
        if whole:
            yield decode(held[:whole]).reshape(-1, form.channels)
            held = held[whole:]
    if left:
        raise RecordingError(f"cut short: {left} bytes fewer than its header says", "Copy or record it again")


def _parse_format(content: bytes) -> Format:
    if len(content) < 16:
        raise RecordingError("its header is damaged: the format chunk is too short", CONVERT)
    tag, channels, rate_hz, bytes_a_second, frame_bytes, bits = struct.unpack_from("<HHIIHH", content)
    if tag == EXTENSIBLE and len(content) >= 26:
        (tag,) = struct.unpack_from("<H", content, 24)
    # A header that contradicts itself would give the right samples at a wrong rate
    if tag in (PCM, FLOAT, A_LAW, MU_LAW) and (
        bytes_a_second != rate_hz * frame_bytes or frame_bytes != channels * ((bits + 7) // 8)
    ):
        raise RecordingError(
            f"its header contradicts itself: {rate_hz} Hz, {channels} channels of {bits} bits, "
            f"but {frame_bytes} bytes a frame and {bytes_a_second} a second",
            CONVERT,
        )
    return Format(tag, bits, rate_hz, channels)


def _exactly(file: BinaryIO, size: int) -> bytes:
    content = file.read(size)
    if len(content) < size:
        raise RecordingError("ends within its header", "Copy or record it again")
    return content


def _decode_24_bit(content: bytes) -> np.ndarray:
    wide = np.zeros((len(content) // 3, 4), dtype=np.uint8)
    wide[:, 1:] = np.frombuffer(content, np.uint8).reshape(-1, 3)
    return wide.view("<i4")[:, 0].astype(np.float32) / 2**31


@functools.cache
def _a_law() -> np.ndarray:
    """Return the 256 values of ITU-T G.711, A-law."""
    code = np.arange(256) ^ 0x55
    mantissa, exponent = code & 15, code >> 4 & 7
    magnitude = np.where(exponent == 0, mantissa * 16 + 8, (mantissa * 16 + 264) << np.maximum(exponent - 1, 0))
    return (np.where(code & 128, magnitude, -magnitude) / 2**15).astype(np.float32)


@functools.cache
def _mu_law() -> np.ndarray:
    """Return the 256 values of ITU-T G.711, mu-law."""
    code = 255 - np.arange(256)
    magnitude = (((code & 15) * 8 + 132) << (code >> 4 & 7)) - 132
    return (np.where(code & 128, -magnitude, magnitude) / 2**15).astype(np.float32)


# Format tag and bits: what turns bytes into float32 samples in [-1, 1]
DECODERS: dict[tuple[int, int], Callable[[bytes], np.ndarray]] = {
    (PCM, 8): lambda content: (np.frombuffer(content, np.uint8).astype(np.float32) - 128) / 2**7,
    (PCM, 16): lambda content: np.multiply(np.frombuffer(content, "<i2"), 2.0**-15, dtype=np.float32),
    (PCM, 24): _decode_24_bit,
    (PCM, 32): lambda content: (np.frombuffer(content, "<i4") / 2**31).astype(np.float32),
    (FLOAT, 32): lambda content: np.frombuffer(content, "<f4").astype(np.float32),
    (FLOAT, 64): lambda content: np.frombuffer(content, "<f8").astype(np.float32),
    (A_LAW, 8): lambda content: _a_law()[np.frombuffer(content, np.uint8)],
    (MU_LAW, 8): lambda content: _mu_law()[np.frombuffer(content, np.uint8)],
}
