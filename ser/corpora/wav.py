"""What a WAV file's own header promises."""

import struct

MAGIC = (b"RIFF", b"RIFX", b"RF64")  # little-endian, big-endian, and with sizes of 64 bits (EBU Tech 3306)
UNKNOWN = 0x7FFFF000  # a size from here on, 2 GB, is what SoX and ffmpeg write into a pipe, before they know it


def is_wav(content: bytes) -> bool:
    """Whether a file begins as WAV files do."""
    return content[:4] in MAGIC and content[8:12] == b"WAVE"


def missing_bytes(content: bytes) -> int:
    """Count the bytes a WAV file lacks of what its header and its chunks announce; 0 when it is whole.

    libsndfile decodes what is left of a truncated file without a word, so this is the only check that notices. Of a
    file that was written into a pipe nobody can tell.
    """
    if len(content) < 12:
        return 12 - len(content)
    riff_size = _size(content, 0)
    end = riff_end = len(content) if riff_size >= UNKNOWN else 8 + riff_size
    position = 12
    while position + 8 <= min(riff_end, len(content)):
        size = _size(content, position)
        if size >= UNKNOWN:
            break
        end = max(end, position + 8 + size)
        position += 8 + size + size % 2  # chunks start at even positions
    return max(0, end - len(content))


def _size(content: bytes, position: int) -> int:
    """Return the size that a chunk announces; RF64 keeps those of the file and of its samples in a chunk of its own."""
    name = content[position : position + 4]
    kept_at = {b"RF64": 20, b"data": 28}.get(name) if content[:4] == b"RF64" else None
    if kept_at and content[12:16] == b"ds64" and len(content) >= 36:
        return struct.unpack_from("<Q", content, kept_at)[0]
    return struct.unpack_from(">I" if content[:4] == b"RIFX" else "<I", content, position + 4)[0]
