"""A process that hears: it takes a job and a file from standard input, one at a time, and answers on standard output.

It may be killed at any moment. It opens no name that a client gave, and can write no file.
"""

import dataclasses
import io
import json
import os
import resource
import signal
import socket
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ser.inference.bundles import Bundle, read_bundle
from ser.inference.decoders.sound import Sound
from ser.inference.hearing import HearingSettings, hear_sound
from ser.inference.outputs.formats import print_found
from ser.inference.predicting import describe
from ser.inference.reading import open_recording
from ser.inference.rows import Heard, Problem, RecordingError
from ser.inference.settings import STANDARD_INPUT, PredictSettings, parse_raw
from ser.inference.standard_input import read_stream
from ser.service.settings import PROCESS

LONGEST_JOB = 2**16  # bytes
GRACE_S = 5  # that the process which answers has to end this one; after it, this one ends itself


@dataclasses.dataclass(frozen=True)
class Limits:
    """What one request may take."""

    duration_s: int
    time_s: int
    memory_mb: int


def main(arguments: list[str]) -> None:
    """Answer jobs until standard input ends. Arguments: limits as JSON, then a folder a model."""
    for one in (signal.SIGINT, signal.SIGTERM):  # the process which answers ends this one when it has finished
        signal.signal(one, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    limits = Limits(**json.loads(arguments[0]))
    try:
        bundles = {bundle.name: bundle for bundle in map(read_bundle, map(Path, arguments[1:]))}
        _warm_up(bundles.values())
    except ValueError as error:
        _answer(answers, {"error": str(error)})
        return
    _restrict(limits)
    _answer(answers, {})
    with socket.socket(fileno=os.dup(0)) as jobs:
        while job := _next(jobs):
            signal.alarm(limits.time_s + GRACE_S)  # ends even a decoder that hangs, by the default action
            _answer(answers, *_hear(*job, bundles, limits))
            signal.alarm(0)


def _next(jobs: socket.socket) -> tuple[dict[str, Any], int] | None:
    content, files, _, _ = socket.recv_fds(jobs, LONGEST_JOB, 1)
    return (json.loads(content), files[0]) if content else None


def _answer(answers: BinaryIO, head: dict[str, Any], body: bytes = b"") -> None:
    answers.write(json.dumps(head | {"bytes": len(body)}).encode() + b"\n" + body)
    answers.flush()


def _hear(job: dict[str, Any], file: int, bundles: dict[str, Bundle], limits: Limits) -> tuple[dict[str, Any], bytes]:
    """Return a head and the document; neither where the code fails."""
    name, raw = job.pop("name"), job.pop("raw")
    bundle = bundles[job["model"]]
    asked = PredictSettings([STANDARD_INPUT], out=None, timeline=None, jobs=1, raw=None, **job)
    text = io.StringIO()
    try:
        found = _hear_file(Path(f"{PROCESS}/fd/{file}"), name, raw, bundle, asked, limits)
        heard = isinstance(found, Heard)
        print_found(asked.output_format if heard else "json", [found], describe(bundle, asked), text)
    except Exception:  # whatever a recording does to a decoder: the next one is another's
        traceback.print_exc()
        return {"outcome": "failed"}, b""
    finally:
        os.close(file)
    document = text.getvalue().encode()
    return {"outcome": "heard", "sound_s": found.duration_s} if heard else {"outcome": "refused"}, document


def _hear_file(
    path: Path, name: str, raw: str | None, bundle: Bundle, asked: PredictSettings, limits: Limits
) -> Heard | Problem:
    settings = HearingSettings(asked.window_s, asked.hop_s, asked.channels == "separate")
    try:
        with path.open("rb") as file:
            sound = read_stream(file, parse_raw(raw)) if raw else open_recording(path)
            return hear_sound(name, _within(sound, limits.duration_s), bundle, settings)
    except RecordingError as error:
        return Problem(name, error.reason, error.remedy)
    except MemoryError:
        return Problem(name, f"needs more than {limits.memory_mb} MB of memory", "Send it in parts")


def _within(sound: Sound, limit_s: int) -> Sound:
    """Refuse a recording as soon as more of it has come than is heard."""

    def blocks() -> Iterator[np.ndarray]:
        frames = 0
        for block in sound.blocks:
            frames += len(block)
            if frames > limit_s * sound.sample_rate_hz:
                raise RecordingError(f"lasts more than {limit_s} s", "Send it in parts, or use `ser predict`")
            yield block

    return dataclasses.replace(sound, blocks=blocks())


def _warm_up(bundles) -> None:
    """Load what the first job would wait for, and what counts before memory is limited."""
    import av  # noqa: F401
    import soundfile  # noqa: F401

    rate_hz = 16_000
    hum = np.sin(np.arange(rate_hz, dtype=np.float32))[:, None]
    for bundle in bundles:
        hear_sound("", Sound(rate_hz, 1, iter([hum])), bundle, HearingSettings())
        bundle.hear([hum[:, 0]])


def _restrict(limits: Limits) -> None:
    """Let this process take so much more memory, write no file, and leave no dump with sound in it."""
    pages = int((Path(PROCESS) / "statm").read_text(encoding="ascii").split()[0])
    memory = pages * resource.getpagesize() + limits.memory_mb * 2**20
    for what, most in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    main(sys.argv[1:])
