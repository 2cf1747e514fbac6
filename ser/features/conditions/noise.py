"""Noise of given colours, and its sum with speech at a given signal-to-noise ratio."""

import numpy as np
import scipy.fft

from ser.features.conditions.levels import speech_power

SAMPLE_RATE_HZ = 16000
FLAT_BELOW_HZ = 20.0  # where pink noise would grow without end


def white_noise(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return (samples,) float64 of equal power at all frequencies."""
    return rng.standard_normal(samples)


def pink_noise(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return (samples,) float64 whose power falls by 3 dB an octave."""
    length = scipy.fft.next_fast_len(samples, real=True)
    spectrum = scipy.fft.rfft(rng.standard_normal(length))
    frequencies = scipy.fft.rfftfreq(length, 1 / SAMPLE_RATE_HZ)
    return scipy.fft.irfft(spectrum / np.sqrt(np.maximum(frequencies, FLAT_BELOW_HZ)), length)[:samples]


def add_noise(waveform: np.ndarray, noise: np.ndarray, snr_db: float) -> np.ndarray:
    """Add noise (time,) so that the power of the speech is so many decibels above the mean power of the noise."""
    power = float(np.mean(np.square(noise)))
    gain = np.sqrt(speech_power(waveform) / power) * 10 ** (-snr_db / 20) if power else 0.0
    return (waveform + gain * noise).astype(np.float32)
