"""Changes of time: silence before and after speech, another speed."""

from fractions import Fraction

import numpy as np
import torch

from ser.features.audio import resample
from ser.features.conditions.levels import speech_power
from ser.features.conditions.noise import SAMPLE_RATE_HZ, pink_noise


def add_silence(waveform: np.ndarray, length_s: float, level_db: float, rng: np.random.Generator) -> np.ndarray:
    """Put the sound of a quiet room before and after, level_db above (below 0: under) the speech."""
    samples = round(length_s * SAMPLE_RATE_HZ)
    gain = np.sqrt(speech_power(waveform)) * 10 ** (level_db / 20)
    before, after = (pink_noise(samples, rng) for _ in range(2))
    room = (gain * noise / np.sqrt(np.mean(np.square(noise))) for noise in (before, after))
    first, last = (part.astype(np.float32) for part in room)
    return np.concatenate([first, waveform, last])


def change_speed(waveform: np.ndarray, factor: float) -> np.ndarray:
    """Play so many times as fast: speed and pitch change together."""
    ratio = Fraction(factor).limit_denominator(100)
    return resample(torch.from_numpy(waveform), ratio.numerator, ratio.denominator).numpy()
