"""Reverberation by synthetic impulse responses."""

import numpy as np
from scipy.signal import fftconvolve

from ser.features.conditions.noise import SAMPLE_RATE_HZ


def impulse_response(rt60_s: float, direct_db: float, rng: np.random.Generator) -> np.ndarray:
    """Return (time,) float64 of a power gain of 1: the direct sound, then noise that decays by 60 dB in rt60_s.

    Late reverberation is Gaussian noise that decays exponentially (Polack 1988). direct_db: the energy of the direct
    sound over that of all the rest.
    """
    samples = round(rt60_s * SAMPLE_RATE_HZ)
    tail = rng.standard_normal(samples) * 10 ** (-3 * np.arange(1, samples + 1) / samples)
    tail *= 10 ** (-direct_db / 20) / np.sqrt(np.square(tail).sum())
    response = np.concatenate([[1.0], tail])
    return response / np.sqrt(np.square(response).sum())


def reverberate(waveform: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Return the waveform in a room, with the end that rings on: (time + response - 1,) float32."""
    return fftconvolve(waveform.astype(np.float64), response).astype(np.float32)
