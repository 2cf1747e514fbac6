"""Log-mel spectrograms that are centred by speaker: what CompactNet reads of a voice that it has got used to."""

import numpy as np
import torch

from ser.adaptation.speakers import Normaliser, Speakers
from ser.data.own_length import OwnLengthClips


def mean_spectra(clips: OwnLengthClips) -> np.ndarray:
    """Return (1, clip, bands) float32 in dB: each clip's mean over its frames, so its level is among it."""
    return torch.stack([clip.mean(dim=0) for clip in clips.clips]).numpy()[None]


def move(clips: OwnLengthClips, shift: np.ndarray) -> OwnLengthClips:
    """Add a spectrum to every frame of a clip; shift: (clip, bands) or (bands,), in dB."""
    shifts = torch.from_numpy(np.broadcast_to(shift, (len(clips), clips.bands)).astype(np.float32))
    return OwnLengthClips(
        [clip + own for clip, own in zip(clips.clips, shifts, strict=True)], clips.labels, clips.front_end
    )


def centre_each(clips: OwnLengthClips, actors: np.ndarray, known: Speakers) -> OwnLengthClips:
    """Move the clips of each speaker so that the mean of their spectra is that of the training speakers."""
    spectra = mean_spectra(clips)[0]
    own = np.stack([spectra[actors == actor].mean(axis=0) for actor in actors])
    return move(clips, known.mean[0] - own)


def normalised(clips: OwnLengthClips, normaliser: Normaliser, known: Speakers) -> OwnLengthClips:
    """Move clips as a normaliser of their mean spectra says."""
    return move(clips, known.mean[0] - normaliser.mean[0])
