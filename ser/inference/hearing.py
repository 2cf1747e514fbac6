"""A recording → rows: one of a short clip; of a longer one stretches of speech, each in hops."""

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from ser.inference.bundles import Bundle
from ser.inference.decoders.sound import Sound
from ser.inference.detector import hold_speech
from ser.inference.listening import Listener
from ser.inference.metering import Meter
from ser.inference.reading import open_recording
from ser.inference.resampling import resampled
from ser.inference.rows import Heard, Problem, RecordingError, Row

SHORT_S = 6.0  # up to here a recording is one clip; RAVDESS's clips last 3 to 5.3 s
TOGETHER = 16  # files whose short clips the detector hears at once


@dataclasses.dataclass(frozen=True)
class HearingSettings:
    """How recordings are heard."""

    window_s: float = 3.0
    hop_s: float = 1.0
    separate: bool = False  # each channel for itself, rather than their mean
    envelopes: bool = False  # kept for a picture


@dataclasses.dataclass(frozen=True)
class _Short:
    """A clip that waits for those beside it; channels: (time,) at the model's rate."""

    name: str
    sound: Sound
    duration_s: float
    channels: list[np.ndarray]
    envelope: np.ndarray | None


def hear_files(
    paths: list[Path], bundle: Bundle, settings: HearingSettings, passed: Callable[[float], object] | None = None
) -> Iterator[Heard | Problem]:
    """Hear files, in their order; one that cannot be heard is a problem and stops no other.

    passed: is told of each block how many seconds of sound it holds.
    """
    for first in range(0, len(paths), TOGETHER):
        found = [_hear_file(path, bundle, settings, passed) for path in paths[first : first + TOGETHER]]
        answers = iter(_hear_short([one for one in found if isinstance(one, _Short)], bundle, settings))
        yield from (next(answers) if isinstance(one, _Short) else one for one in found)


def hear_sound(name: str, sound: Sound, bundle: Bundle, settings: HearingSettings) -> Heard:
    """Hear a recording from elsewhere than a file."""
    found = _hear(name, sound, bundle, settings)
    return _hear_short([found], bundle, settings)[0] if isinstance(found, _Short) else found


def _hear_file(
    path: Path, bundle: Bundle, settings: HearingSettings, passed: Callable[[float], object] | None
) -> Heard | Problem | _Short:
    try:
        sound = open_recording(path)
        return _hear(str(path), sound if passed is None else _counted(sound, passed), bundle, settings)
    except RecordingError as error:
        return Problem(str(path), error.reason, error.remedy)


def _counted(sound: Sound, passed: Callable[[float], object]) -> Sound:
    def blocks() -> Iterator[np.ndarray]:
        for block in sound.blocks:
            passed(len(block) / sound.sample_rate_hz)
            yield block

    return dataclasses.replace(sound, blocks=blocks())


def _hear(name: str, sound: Sound, bundle: Bundle, settings: HearingSettings) -> Heard | _Short:
    """Read a recording, and hear it unless it is short."""
    meter = Meter(sound.sample_rate_hz, settings.envelopes)
    blocks = resampled(meter.watch(sound.blocks), sound, bundle.sample_rate_hz, settings.separate)
    begun, samples = [], 0
    for block in blocks:
        begun.append(block)
        samples += block.shape[1]
        if samples > SHORT_S * bundle.sample_rate_hz:
            rows = _hear_long(begun, blocks, bundle, settings)
            return Heard(name, meter.duration_s, sound.sample_rate_hz, sound.channels, rows, meter.envelope())
    return _Short(name, sound, meter.duration_s, list(np.concatenate(begun, axis=1)), meter.envelope())


def _hear_long(
    begun: list[np.ndarray], following: Iterator[np.ndarray], bundle: Bundle, settings: HearingSettings
) -> list[Row]:
    listeners = [
        Listener(bundle, settings.window_s, settings.hop_s, channel if settings.separate else None)
        for channel in range(len(begun[0]))
    ]
    rows: list[list[Row]] = [[] for _ in listeners]
    while begun:
        for listener, waveform, found in zip(listeners, begun.pop(0), rows, strict=True):
            found += listener.push(waveform)
        begun += itertools.islice(following, 1)
    for listener, found in zip(listeners, rows, strict=True):
        found += listener.finish()
    return list(itertools.chain(*rows))


def _hear_short(clips: list[_Short], bundle: Bundle, settings: HearingSettings) -> list[Heard]:
    """Hear clips together: a row each channel."""
    waveforms = [waveform for clip in clips for waveform in clip.channels]
    spoken = hold_speech(waveforms)
    speech = [waveform for waveform, speaks in zip(waveforms, spoken, strict=True) if speaks]
    answers = zip(*bundle.hear(speech), strict=True) if speech else iter(())
    found = iter([next(answers) if speaks else (None, None) for speaks in spoken])
    return [
        Heard(
            clip.name,
            clip.duration_s,
            clip.sound.sample_rate_hz,
            clip.sound.channels,
            [
                Row(0.0, clip.duration_s, channel if settings.separate else None, *next(found))
                for channel in range(len(clip.channels))
            ],
            clip.envelope,
        )
        for clip in clips
    ]
