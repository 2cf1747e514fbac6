"""The kinds of conditions, as settings that are called: a waveform (time,) float32 at 16 kHz → the disturbed one."""

import dataclasses
from typing import Any, Protocol

import numpy as np

from ser.features.conditions.channels import CODECS, compress, low_pass, telephone
from ser.features.conditions.levels import amplify, clip_peaks
from ser.features.conditions.noise import SAMPLE_RATE_HZ, add_noise, pink_noise, white_noise
from ser.features.conditions.rooms import impulse_response, reverberate
from ser.features.conditions.timing import add_silence, change_speed
from ser.features.conditions.voices import Voices
from ser.storage.params import ParamsError, build, check

COLOURS = ("white", "pink", "babble")
SPEAKERS = 6  # of babble
NYQUIST_HZ = SAMPLE_RATE_HZ / 2


class Condition(Protocol):
    """A disturbance; all that is random in it is drawn from `rng`, and other voices are taken from `voices`."""

    def __call__(self, waveform: np.ndarray, rng: np.random.Generator, voices: Voices) -> np.ndarray: ...


@dataclasses.dataclass(frozen=True)
class Level:
    level_db: float

    def __post_init__(self) -> None:
        check(-100 <= self.level_db <= 100, "level_db", self.level_db, "-100 to 100 dB")

    def __call__(self, waveform: np.ndarray, rng: np.random.Generator, voices: Voices) -> np.ndarray:
        return amplify(waveform, self.level_db)


@dataclasses.dataclass(frozen=True)
class Clipping:
    peak: float  # of the amplified waveform, times full scale, where it is cut off

    def __post_init__(self) -> None:
        check(1 <= self.peak <= 1000, "peak", self.peak, "1 to 1000 times full scale")

    def __call__(self, waveform: np.ndarray, rng: np.random.Generator, voices: Voices) -> np.ndarray:
        return clip_peaks(waveform, self.peak)


@dataclasses.dataclass(frozen=True)
class Noise:
    colour: str
    snr_db: float

    def __post_init__(self) -> None:
        check(self.colour in COLOURS, "colour", self.colour, " or ".join(COLOURS))
        check(-100 <= self.snr_db <= 100, "snr_db", self.snr_db, "-100 to 100 dB")

    def __call__(self, waveform: np.ndarray, rng: np.random.Generator, voices: Voices) -> np.ndarray:
        if self.colour == "babble":
            noise = voices.babble(len(waveform), SPEAKERS, rng)
        else:
            noise = (white_noise if self.colour == "white" else pink_noise)(len(waveform), rng)
        return add_noise(waveform, noise, self.snr_db)


@dataclasses.dataclass(frozen=True)
class Telephone:
    low_hz: float
    high_hz: float

    def __post_init__(self) -> None:
        check(0 < self.low_hz < self.high_hz, "low_hz", self.low_hz, f"above 0, below high_hz ({self.high_hz})")
        check(self.high_hz < NYQUIST_HZ / 2, "high_hz", self.high_hz, f"below {NYQUIST_HZ / 2} Hz")

    def __call__(self, waveform: np.ndarray, rng: np.random.Generator, voices: Voices) -> np.ndarray:
        return telephone(waveform, self.low_hz, self.high_hz)


@dataclasses.dataclass(frozen=True)
class Codec:
    codec: str
    kbit_s: float

    def __post_init__(self) -> None:
        check(self.codec in CODECS, "codec", self.codec, " or ".join(CODECS))
        lowest, highest = CODECS[self.codec][2:]
        check(lowest <= self.kbit_s <= highest, "kbit_s", self.kbit_s, f"{lowest} to {highest} of {self.codec}")

    def __call__(self, waveform: np.ndarray, rng: np.random.Generator, voices: Voices) -> np.ndarray:
        return compress(waveform, self.codec, self.kbit_s)


@dataclasses.dataclass(frozen=True)
class Reverberation:
    rt60_s: float
    direct_db: float  # energy of the direct sound over that of its reflections

    def __post_init__(self) -> None:
        check(0.01 <= self.rt60_s <= 10, "rt60_s", self.rt60_s, "0.01 to 10 seconds")
        check(-60 <= self.direct_db <= 60, "direct_db", self.direct_db, "-60 to 60 dB")

    def __call__(self, waveform: np.ndarray, rng: np.random.Generator, voices: Voices) -> np.ndarray:
        return reverberate(waveform, impulse_response(self.rt60_s, self.direct_db, rng))


@dataclasses.dataclass(frozen=True)
class LowPass:
    high_hz: float

    def __post_init__(self) -> None:
        check(0 < self.high_hz < NYQUIST_HZ, "high_hz", self.high_hz, f"above 0, below {NYQUIST_HZ} Hz")

    def __call__(self, waveform: np.ndarray, rng: np.random.Generator, voices: Voices) -> np.ndarray:
        return low_pass(waveform, self.high_hz)


@dataclasses.dataclass(frozen=True)
class Silence:
    length_s: float  # at either end
    level_db: float  # of the room's sound, against the speech

    def __post_init__(self) -> None:
        check(0 < self.length_s <= 60, "length_s", self.length_s, "above 0 to 60 seconds")
        check(-100 <= self.level_db <= 0, "level_db", self.level_db, "-100 to 0 dB")

    def __call__(self, waveform: np.ndarray, rng: np.random.Generator, voices: Voices) -> np.ndarray:
        return add_silence(waveform, self.length_s, self.level_db, rng)


@dataclasses.dataclass(frozen=True)
class Speed:
    factor: float

    def __post_init__(self) -> None:
        check(0.5 <= self.factor <= 2, "factor", self.factor, "0.5 to 2 times as fast")

    def __call__(self, waveform: np.ndarray, rng: np.random.Generator, voices: Voices) -> np.ndarray:
        return change_speed(waveform, self.factor)


KINDS: dict[str, type] = {
    "level": Level,
    "clipping": Clipping,
    "noise": Noise,
    "telephone": Telephone,
    "codec": Codec,
    "reverberation": Reverberation,
    "low_pass": LowPass,
    "silence": Silence,
    "speed": Speed,
}


def build_condition(values: dict[str, Any], section: str, source: str) -> Condition:
    """Make a condition of its params, `kind` and those of the kind; ParamsError names what does not fit."""
    kind, rest = values.get("kind"), {key: value for key, value in values.items() if key != "kind"}
    if kind not in KINDS:
        raise ParamsError(f"{source}: {section}.kind is {kind!r}; allowed: {', '.join(KINDS)}")
    return build(KINDS[kind], rest, section, source)
