"""What FFmpeg decodes and libsndfile does not: m4a, mp4, webm and other films, AAC, AMR, WMA."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ser.inference.decoders.sound import Sound
from ser.inference.rows import RecordingError

# Files with sound in them. FFmpeg also knows lists of other files and addresses; those are not opened
CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2",
    "matroska,webm",
    "ogg,mp3,aac,flac,wav,aiff,caf,w64,au,amr,asf,avi,mpegts,mpeg,flv,ac3,eac3,wv,ape,dsf",
)
OPTIONS = {"format_whitelist": ",".join(CONTAINERS), "protocol_whitelist": "none"}
SHORT_S = 0.5  # that the sound may end before the film


def open_sound(path: Path) -> Sound:
    """Open a file's first track of sound; RecordingError says why there is none."""
    blocks = _decode(path)
    first_rate, first = next(blocks, (0, np.zeros((0, 1), np.float32)))
    if not len(first):
        raise RecordingError("holds no sound", "Give a recording with a track of sound")
    return Sound(first_rate, first.shape[1], _of_one_format(itertools.chain([(first_rate, first)], blocks)))


def _of_one_format(blocks: Iterator[tuple[int, np.ndarray]]) -> Iterator[np.ndarray]:
    expected = None
    for rate_hz, block in blocks:
        expected = expected or (rate_hz, block.shape[1])
        if expected != (rate_hz, block.shape[1]):
            raise RecordingError("its rate or channels change within", "Convert it: `ffmpeg -i FILE -ar 16000 new.wav`")
        yield block


def _decode(path: Path) -> Iterator[tuple[int, np.ndarray]]:
    import av  # takes a while, and few recordings need it

    av.logging.set_level(av.logging.PANIC)
    try:
        with path.open("rb") as file, av.open(file, options=OPTIONS, metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise RecordingError("holds no sound", "Give a recording with a track of sound")
            stream = container.streams.audio[0]
            if stream.codec_context is None:
                raise RecordingError("its sound is of an unknown kind", "Convert it: `ffmpeg -i FILE new.wav`")
            stream.codec_context.options = {"err_detect": "crccheck+bitstream+buffer+explode"}
            yield from _frames(container, stream)
    except (av.error.FFmpegError, ValueError, EOFError) as error:
        if isinstance(error, RecordingError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise RecordingError(f"no recording that can be decoded ({reason})", "Is it sound, and whole?") from error


def _frames(container: Any, stream: Any) -> Iterator[tuple[int, np.ndarray]]:
    import av

    to_float, done_s = None, 0.0
    for frame in container.decode(stream):
        if to_float is None:  # the stream itself may announce half the rate
            to_float = av.AudioResampler("fltp", frame.layout, frame.sample_rate)
            rate_hz = frame.sample_rate
        if frame.sample_rate != rate_hz:
            raise RecordingError("its rate changes within", "Convert it: `ffmpeg -i FILE -ar 16000 new.wav`")
        done_s += frame.samples / rate_hz
        yield from ((rate_hz, out.to_ndarray().T) for out in to_float.resample(frame))
    announced_s = _announced_s(container, stream)
    if announced_s - done_s > SHORT_S:
        missing = f"{announced_s - done_s:.1f} s less than its header says"
        raise RecordingError(f"cut short: {missing}", "Copy or record it again")


def _announced_s(container: Any, stream: Any) -> float:
    """The duration in the header; 0 where there is none. A track of sound may be shorter than its film."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    alone = len(container.streams) == 1
    return container.duration / 1e6 if alone and container.duration else 0.0
