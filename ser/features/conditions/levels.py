"""The level of speech, and what a wrong one does to a recording: waveforms (time,) float32 at 16 kHz."""

import numpy as np

STRETCH = 160  # samples, 10 ms
WITHIN_DB = 35.0  # of the loudest stretch, where there is speech


def speech_power(waveform: np.ndarray) -> float:
    """Return the mean power of the 10 ms stretches with speech, so that silence in a clip does not count.

    As the active speech level of ITU-T P.56, with a threshold relative to the loudest stretch.
    """
    padded = np.pad(waveform.astype(np.float64), (0, -len(waveform) % STRETCH))
    powers = np.square(padded).reshape(-1, STRETCH).mean(axis=1)
    return float(powers[powers >= powers.max() * 10 ** (-WITHIN_DB / 10)].mean())


def amplify(waveform: np.ndarray, level_db: float) -> np.ndarray:
    """Return the waveform so many decibels louder."""
    return waveform * np.float32(10 ** (level_db / 20))


def clip_peaks(waveform: np.ndarray, peak: float) -> np.ndarray:
    """Amplify to a peak of so many times full scale, and cut off what is above full scale."""
    highest = np.abs(waveform).max()
    return (waveform * np.float32(peak / highest)).clip(-1, 1) if highest else waveform
