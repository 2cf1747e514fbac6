"""What a channel leaves of a waveform (time,) float32 at 16 kHz: some frequencies, or what a codec keeps."""

import io

import numpy as np
import soundfile
import torch
from scipy.signal import fftconvolve, firwin

from ser.features.audio import resample
from ser.features.conditions.noise import SAMPLE_RATE_HZ

TAPS = 511  # of the linear-phase filters: 100 Hz from what passes to what does not
TELEPHONE_HZ = 8000
MP3_DELAY = 1105  # samples of LAME and of a decoder's filter bank (576 + 529), which libsndfile leaves in
# Of libsndfile: format and subtype, and the lowest and highest bit rate of one channel at 16 kHz in kbit/s, between
# which its compression level (1 to 0) is linear
CODECS = {"mp3": ("MP3", "MPEG_LAYER_III", 8.0, 160.0), "opus": ("OGG", "OPUS", 6.0, 256.0)}


def low_pass(waveform: np.ndarray, high_hz: float) -> np.ndarray:
    """Keep what is below a frequency."""
    return _filter(waveform, firwin(TAPS, high_hz, fs=SAMPLE_RATE_HZ))


def band_pass(waveform: np.ndarray, low_hz: float, high_hz: float) -> np.ndarray:
    """Keep what is between two frequencies."""
    return _filter(waveform, firwin(TAPS, (low_hz, high_hz), pass_zero=False, fs=SAMPLE_RATE_HZ))


def telephone(waveform: np.ndarray, low_hz: float, high_hz: float) -> np.ndarray:
    """Return what a telephone line leaves: a band, at 8 kHz, in the eight bits of µ-law (ITU-T G.711)."""
    narrow = _resample(band_pass(waveform, low_hz, high_hz), SAMPLE_RATE_HZ, TELEPHONE_HZ)
    file = io.BytesIO()
    soundfile.write(file, narrow.clip(-1, 1), TELEPHONE_HZ, format="WAV", subtype="ULAW")
    return _resample(_decode(file, len(narrow)), TELEPHONE_HZ, SAMPLE_RATE_HZ)[: len(waveform)]


def compress(waveform: np.ndarray, codec: str, kbit_s: float) -> np.ndarray:
    """Encode with a codec at a constant bit rate, and decode again, at the same length."""
    late = MP3_DELAY if codec == "mp3" else 0
    return _decode(encode(waveform, codec, kbit_s), late + len(waveform))[late:]


def encode(waveform: np.ndarray, codec: str, kbit_s: float) -> io.BytesIO:
    """Return the file that a codec makes of a waveform at 16 kHz."""
    container, subtype, lowest, highest = CODECS[codec]
    file = io.BytesIO()
    soundfile.write(
        file,
        waveform.clip(-1, 1),
        SAMPLE_RATE_HZ,
        format=container,
        subtype=subtype,
        compression_level=(highest - kbit_s) / (highest - lowest),
        bitrate_mode="CONSTANT" if codec == "mp3" else None,
    )
    return file


def _decode(file: io.BytesIO, samples: int) -> np.ndarray:
    file.seek(0)
    decoded = soundfile.read(file, dtype="float32")[0][:samples]
    return np.pad(decoded, (0, samples - len(decoded)))


def _filter(waveform: np.ndarray, taps: np.ndarray) -> np.ndarray:
    return fftconvolve(waveform.astype(np.float64), taps, mode="full")[TAPS // 2 :][: len(waveform)].astype(np.float32)


def _resample(waveform: np.ndarray, from_hz: int, to_hz: int) -> np.ndarray:
    return resample(torch.from_numpy(np.ascontiguousarray(waveform)), from_hz, to_hz).numpy()
