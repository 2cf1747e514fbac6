"""A process that hears: it takes jobs with their files from standard input, and answers each on standard output.

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
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ser.inference.bundles import Bundle, read_bundle
from ser.inference.decoders.sound import Sound
from ser.inference.hearing import SHORT_S, HearingSettings, hear_files, hear_sound
from ser.inference.outputs.formats import print_found
from ser.inference.predicting import describe
from ser.inference.reading import open_recording
from ser.inference.rows import Heard, Problem, RecordingError
from ser.inference.settings import STANDARD_INPUT, PredictSettings, parse_raw
from ser.inference.standard_input import read_stream
from ser.service.settings import MOST_TOGETHER, PROCESS

LONGEST_MESSAGE = 2**16  # bytes
GRACE_S = 5  # that the process which answers has to end this one; after it, this one ends itself


@dataclasses.dataclass(frozen=True)
class Limits:
    """What one request may take."""

    duration_s: int
    time_s: int
    memory_mb: int


@dataclasses.dataclass(frozen=True)
class Job:
    """What is asked of one recording, in an open file."""

    name: str
    raw: str | None
    asked: PredictSettings
    file: int

    @classmethod
    def read(cls, told: dict[str, Any], file: int) -> "Job":
        """Read what the process which answers tells."""
        name, raw = told.pop("name"), told.pop("raw")
        return cls(
            name, raw, PredictSettings([STANDARD_INPUT], out=None, timeline=None, jobs=1, raw=None, **told), file
        )

    @property
    def path(self) -> Path:
        return Path(f"{PROCESS}/fd/{self.file}")

    @property
    def settings(self) -> HearingSettings:
        return HearingSettings(self.asked.window_s, self.asked.hop_s, self.asked.channels == "separate")


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
        while taken := _next(jobs):
            signal.alarm(limits.time_s + GRACE_S)  # ends even a decoder that hangs, by the default action
            for answer in _hear(taken, bundles, limits):
                _answer(answers, *answer)
                signal.alarm(limits.time_s + GRACE_S)
            signal.alarm(0)


def _next(jobs: socket.socket) -> list[Job]:
    content, files, _, _ = socket.recv_fds(jobs, LONGEST_MESSAGE, MOST_TOGETHER)
    return list(map(Job.read, json.loads(content), files)) if content else []


def _answer(answers: BinaryIO, head: dict[str, Any], body: bytes = b"") -> None:
    answers.write(json.dumps(head | {"bytes": len(body)}).encode() + b"\n" + body)
    answers.flush()


def _hear(jobs: list[Job], bundles: dict[str, Bundle], limits: Limits) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Yield a head and a document a job, in order; where the code fails, its traceback instead of a document."""
    together = _hear_together(jobs, bundles) if len(jobs) > 1 else None
    for index, job in enumerate(jobs):
        try:
            found = together[index] if together else _hear_one(job, bundles, limits)
            yield _documented(found, job, bundles[job.asked.model])
        except Exception:  # whatever a recording does to a decoder: the next one is another's
            yield {"outcome": "failed"}, traceback.format_exc().encode()
        finally:
            os.close(job.file)


def _hear_together(jobs: list[Job], bundles: dict[str, Bundle]) -> list[Heard | Problem] | None:
    """Hear short clips; None if one is not, or is in the way of the others."""
    left_s = SHORT_S * len(jobs)

    def count(seconds: float) -> None:
        nonlocal left_s
        left_s -= seconds
        if left_s < 0:
            raise OverflowError

    try:
        return list(hear_files([job.path for job in jobs], bundles[jobs[0].asked.model], jobs[0].settings, count))
    except Exception:
        return None


def _hear_one(job: Job, bundles: dict[str, Bundle], limits: Limits) -> Heard | Problem:
    try:
        with job.path.open("rb") as file:
            sound = read_stream(file, parse_raw(job.raw)) if job.raw else open_recording(job.path)
            return hear_sound(job.name, _within(sound, limits.duration_s), bundles[job.asked.model], job.settings)
    except RecordingError as error:
        return Problem(job.name, error.reason, error.remedy)
    except MemoryError:
        return Problem(job.name, f"needs more than {limits.memory_mb} MB of memory", "Send it in parts")


def _documented(found: Heard | Problem, job: Job, bundle: Bundle) -> tuple[dict[str, Any], bytes]:
    heard, text = isinstance(found, Heard), io.StringIO()
    named = dataclasses.replace(found, name=job.name)
    print_found(job.asked.output_format if heard else "json", [named], describe(bundle, job.asked), text)
    head = {"outcome": "heard", "sound_s": found.duration_s} if heard else {"outcome": "refused"}
    return head, text.getvalue().encode()


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


def _warm_up(bundles: Iterable[Bundle]) -> None:
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
