"""A synthetic corpus in RAVDESS's naming: speech-like clips whose voice follows actor, emotion and statement.

A source-filter voice (Fant 1960): pulses at the pitch, and noise, through a cascade of formant resonances.
"""

import dataclasses
import functools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
import soundfile
from tqdm import tqdm

from ser.corpora.ravdess import ACTORS, ClipName, all_names, parse_name
from ser.storage.params import check

SAMPLE_RATE_HZ = 48_000
OVERSAMPLING = 2  # the voice itself ends at 12 kHz and is made at half the rate, in half the time
VOICE_RATE_HZ = SAMPLE_RATE_HZ // OVERSAMPLING
HOP = 256  # samples of the voice between frames, 10.7 ms: the grid on which its settings change
FRAME = 2 * HOP  # Hann windows at half their length sum to one
BUFFER = 2 * FRAME  # a frame and the ringing of its resonances
NOISE_FLOOR_DBFS = -75.0  # of the recording, about that of RAVDESS


@dataclasses.dataclass(frozen=True)
class SyntheticCorpus:
    """How many actors to make, 60 clips each, and what to draw their voices from."""

    actors: int
    seed: int

    def __post_init__(self) -> None:
        check(self.actors in ACTORS, "actors", self.actors, f"1 to {len(ACTORS)}")
        check(self.seed >= 0, "seed", self.seed, "0 or more")


class Delivery(NamedTuple):
    """How something is said."""

    pitch_st: float  # semitones above the speaker's usual pitch
    range_st: float  # semitones, height of the accents
    slope_st: float  # semitones from the first to the last sound
    rate: float  # 1 is about four syllables a second
    level_db: float
    tilt_db: float  # a octave, above the −6 dB of glottal source and radiation together
    jitter: float  # relative deviation of the pitch from one 5 ms to the next
    breath: float  # noise beside the pulses


# Directions after the review of 104 studies by Juslin & Laukka (2003), levels about those of RAVDESS.
DELIVERIES = {
    "neutral": Delivery(0.0, 1.0, -2.0, 1.00, 0.0, 0.0, 0.005, 0.05),
    "calm": Delivery(-2.0, 0.6, -3.0, 0.88, -1.5, -2.0, 0.003, 0.14),
    "happy": Delivery(5.0, 4.0, 1.0, 1.12, 6.0, 2.0, 0.006, 0.04),
    "sad": Delivery(1.5, 1.2, -5.0, 0.76, 2.5, -1.0, 0.018, 0.22),
    "angry": Delivery(4.0, 3.0, -4.0, 1.12, 12.0, 4.0, 0.020, 0.03),
    "fearful": Delivery(9.0, 1.5, 2.0, 1.18, 8.0, 0.5, 0.030, 0.12),
    "disgust": Delivery(-1.0, 2.5, -6.0, 0.85, 4.0, 2.5, 0.028, 0.07),
    "surprised": Delivery(6.0, 4.5, 10.0, 0.96, 5.0, 0.5, 0.006, 0.08),
}
SPREAD = Delivery(0.7, 0.4, 1.0, 0.04, 1.0, 0.4, 0.003, 0.02)  # standard deviation between repetitions
STRENGTH = {"normal": 0.9, "strong": 1.3}  # of an emotion's distance from neutral


class Phone(NamedTuple):
    """One sound of a man's voice; formants in Hz (vowels: Peterson & Barney 1952), amplitudes relative to a vowel's."""

    duration_s: float
    voice: float
    noise: float
    formants_hz: tuple[float, float, float]


PHONES = {
    "ih": Phone(0.09, 1.0, 0.0, (390, 1990, 2550)),
    "aa": Phone(0.12, 1.0, 0.0, (730, 1090, 2440)),
    "ao": Phone(0.15, 1.0, 0.0, (570, 840, 2410)),
    "ah": Phone(0.06, 0.8, 0.0, (640, 1190, 2390)),
    "r": Phone(0.08, 0.7, 0.0, (490, 1350, 1690)),
    "ng": Phone(0.09, 0.4, 0.0, (280, 1100, 2300)),
    "dh": Phone(0.05, 0.4, 0.1, (300, 1300, 2500)),
    "z": Phone(0.07, 0.2, 0.1, (300, 4200, 5600)),
    "s": Phone(0.12, 0.0, 0.2, (3000, 4600, 6200)),
    "t": Phone(0.03, 0.0, 0.1, (2000, 3600, 4800)),
    "k": Phone(0.03, 0.0, 0.2, (1200, 1900, 3000)),
    "d": Phone(0.03, 0.3, 0.1, (300, 1800, 3200)),
    "g": Phone(0.03, 0.3, 0.1, (300, 1600, 2300)),
    "b": Phone(0.03, 0.3, 0.1, (250, 800, 2200)),
    "_": Phone(0.05, 0.0, 0.0, (400, 1500, 2500)),  # closure before a stop
}
STATEMENTS = {
    1: "k ih _ d z aa r _ t ao _ k ih ng _ b aa ih dh ah _ d ao r",
    2: "_ d ao _ g z aa r s ih _ t ih ng _ b aa ih dh ah _ d ao r",
}
F4_HZ = 3500.0
BANDWIDTHS_HZ = np.array([80.0, 100.0, 140.0, 220.0])


class Voice(NamedTuple):
    """What stays the same in one actor."""

    pitch_hz: float
    tract: float  # formants relative to those of PHONES: a shorter vocal tract raises all of them
    level_dbfs: float
    expression: float  # scales the emotions' distance from neutral


def write_corpus(settings: SyntheticCorpus, folder: Path, threads: int = 2) -> int:
    """Write all clips to `folder`/Actor_NN/*.wav (48 kHz, 16 bits, mono) and return their number.

    Each clip follows from the seed and its own name alone, so that fewer actors are a part of more.
    """
    paths = all_names(settings.actors)
    for parent in {path.parent for path in paths}:
        (folder / parent).mkdir(parents=True, exist_ok=True)
    write = functools.partial(_write_clip, settings.seed, folder)
    with ThreadPoolExecutor(threads) as pool:  # numpy's transforms and the encoder release the interpreter's lock
        return sum(tqdm(pool.map(write, paths), total=len(paths), desc="synthesising clips", unit="clip"))


def synthesise_clip(name: ClipName, seed: int) -> np.ndarray:
    """Speak a clip: (time,), float64 in [-1, 1] at SAMPLE_RATE_HZ, with silence before and after."""
    codes = [int(code) for code in name.clip.split("-")]
    rng = np.random.Generator(np.random.PCG64([seed, *codes]))
    voice = draw_voice(name.actor, name.sex, seed)
    delivery = draw_delivery(name, voice.expression, rng)
    speech = speak(name.statement, voice, delivery, rng)
    before, after = (rng.uniform(0.5, 0.9, size=2) * SAMPLE_RATE_HZ).astype(int)
    after = max(after, 3 * SAMPLE_RATE_HZ - before - len(speech))
    level = 10 ** ((voice.level_dbfs + delivery.level_db) / 20)
    gain = min(level / np.sqrt(np.mean(speech**2)), 0.9 / np.abs(speech).max())
    clip = np.pad(gain * speech, (before, after))
    return clip + 10 ** (NOISE_FLOOR_DBFS / 20) * rng.standard_normal(len(clip), np.float32)


def draw_voice(actor: int, sex: str, seed: int) -> Voice:
    """Draw an actor's voice around the means of the sex (pitch: Titze 1994; tract: about 16 % shorter in women)."""
    rng = np.random.Generator(np.random.PCG64([seed, actor]))
    pitch_hz, tract = (120.0, 1.0) if sex == "male" else (205.0, 1.16)
    return Voice(
        pitch_hz * 2 ** (rng.normal(0, 1.5) / 12),
        tract * np.exp(rng.normal(0, 0.03)),
        -44.0 + rng.normal(0, 2.0),
        rng.uniform(0.8, 1.1),
    )


def draw_delivery(name: ClipName, expression: float, rng: np.random.Generator) -> Delivery:
    """Move from neutral towards the clip's emotion, as far as intensity and actor go, and vary at random."""
    strength = STRENGTH[name.intensity] * expression
    neutral, emotion, spread = map(np.array, (DELIVERIES["neutral"], DELIVERIES[name.emotion], SPREAD))
    drawn = Delivery(*(neutral + strength * (emotion - neutral) + spread * rng.standard_normal(len(spread))))
    return drawn._replace(rate=max(drawn.rate, 0.5), jitter=max(drawn.jitter, 0.0), breath=max(drawn.breath, 0.0))


def speak(statement: int, voice: Voice, delivery: Delivery, rng: np.random.Generator) -> np.ndarray:
    """Speak a statement: (time,), float64, at no particular level."""
    phones = [PHONES[symbol] for symbol in STATEMENTS[statement].split()]
    durations_s = np.array([phone.duration_s for phone in phones]) / delivery.rate
    ends_s = np.cumsum(durations_s * rng.uniform(0.85, 1.15, size=len(phones)))
    frames = int(np.ceil(ends_s[-1] * VOICE_RATE_HZ / HOP)) + 3  # two more for the ends to fade out
    spoken = np.searchsorted(ends_s, np.arange(frames) * HOP / VOICE_RATE_HZ).clip(max=len(phones))
    table = np.array([(phone.voice, phone.noise, *phone.formants_hz, F4_HZ) for phone in [*phones, PHONES["_"]]])
    tracks = _smooth(table[spoken])
    pulses = pulse_train(pitch_contour(frames, voice, delivery, rng), delivery.jitter, rng)
    voiced, noisy = (np.repeat(track, HOP) for track in tracks[:, :2].T)
    excitation = voiced * pulses + (noisy + delivery.breath * voiced) * rng.standard_normal(len(pulses), np.float32)
    return resonate(excitation, voice.tract * tracks[:, 2:], delivery.tilt_db - 6.0)


def pitch_contour(frames: int, voice: Voice, delivery: Delivery, rng: np.random.Generator) -> np.ndarray:
    """Draw the pitch of each frame in Hz: a straight slope with an accent on about every third syllable."""
    place = np.linspace(0, 1, frames)
    accents = np.sin(2 * np.pi * (rng.uniform(2.3, 3.2) * place + rng.uniform()))
    semitones = delivery.pitch_st + delivery.range_st * accents + delivery.slope_st * (place - 0.5)
    return voice.pitch_hz * 2 ** (semitones / 12)


def pulse_train(pitch_hz: np.ndarray, jitter: float, rng: np.random.Generator) -> np.ndarray:
    """Return glottal pulses of unit power, (frames x HOP,) at VOICE_RATE_HZ, for a pitch given by frame."""
    time = np.arange(len(pitch_hz) * HOP)
    knots = np.arange(0, len(time) + 120, 120)  # 5 ms
    deviation = np.interp(time, knots, jitter * rng.standard_normal(len(knots)))
    pitch = np.interp(time, np.arange(len(pitch_hz)) * HOP, pitch_hz) * (1 + deviation)
    cycles = np.floor(np.cumsum(pitch) / VOICE_RATE_HZ)
    return np.diff(cycles, prepend=0.0) * np.sqrt(VOICE_RATE_HZ / pitch)


def resonate(excitation: np.ndarray, formants_hz: np.ndarray, tilt_db: float) -> np.ndarray:
    """Filter (time,) by the formants of each frame, (frames, 4) in Hz, and by a tilt in dB an octave.

    Overlapping frames are filtered as spectra, so all of them at once (a cascade of resonances after Klatt 1980),
    and come back at SAMPLE_RATE_HZ from longer inverse transforms.
    """
    window = np.hanning(FRAME + 1)[:-1].astype(np.float32)  # 32 bits: half the time of 64, and finer than 16-bit files
    frames = np.lib.stride_tricks.sliding_window_view(excitation.astype(np.float32), FRAME)[::HOP] * window
    frequency = np.fft.rfftfreq(BUFFER, 1 / VOICE_RATE_HZ).astype(np.float32)
    cascade = np.ones((len(frames), len(frequency)), np.complex64)
    for centre, bandwidth in zip(formants_hz[: len(frames), :, None].swapaxes(0, 1), BANDWIDTHS_HZ, strict=True):
        relative = frequency / centre.astype(np.float32)
        cascade *= 1 - relative * (relative - (1j * bandwidth / centre).astype(np.complex64))
    tilt = (np.maximum(frequency, 50) / 500) ** np.float32(tilt_db / 6.02)
    spectra = np.fft.rfft(frames, BUFFER) * tilt / cascade
    hops = BUFFER // HOP
    pieces = np.fft.irfft(spectra, OVERSAMPLING * BUFFER).reshape(len(frames), hops, OVERSAMPLING * HOP)
    out = np.zeros((len(frames) + hops - 1, OVERSAMPLING * HOP), np.float32)
    for shift in range(hops):
        out[shift : shift + len(frames)] += pieces[:, shift]
    return out.ravel()


def _smooth(tracks: np.ndarray) -> np.ndarray:
    """Average (frames, track) over three frames, for sounds run into one another."""
    padded = np.pad(tracks, ((1, 1), (0, 0)), mode="edge")
    return 0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]


def _write_clip(seed: int, folder: Path, path: PurePosixPath) -> bool:
    samples = np.round(32767 * synthesise_clip(parse_name(path), seed)).clip(-32768, 32767).astype(np.int16)
    soundfile.write(folder / path, samples, SAMPLE_RATE_HZ, subtype="PCM_16")
    return True
