"""What a WAV file's own header promises."""

import struct


def missing_bytes(content: bytes) -> int:
    """Count the bytes a RIFF file lacks of what its header and its chunks announce; 0 when it is whole.

    libsndfile decodes what is left of a truncated file without a word, so this is the only check that notices.
    """
    if len(content) < 12:
        return 12 - len(content)
    end = riff_end = 8 + struct.unpack_from("<I", content, 4)[0]
    position = 12
    while position + 8 <= min(riff_end, len(content)):
        (size,) = struct.unpack_from("<I", content, position + 4)
        end = max(end, position + 8 + size)
        position += 8 + size + size % 2  # chunks start at even positions
    return max(0, end - len(content))
