"""Functionals: numbers of a fixed count that describe a whole clip, in place of an embedding or beside it."""

import torch
from torchaudio.functional import create_dct

from ser.data.own_length import OwnLengthClips

CEPSTRA = 30
QUANTILES = (0.1, 0.5, 0.9)


def functionals(clips: OwnLengthClips) -> torch.Tensor:
    """Return (clip, functionals) float32 of log-mel spectrograms (frames, bands) in dB at the clips' own level.

    Of each cepstral coefficient's and of the level's course: mean, standard deviation, quantiles 0.1, 0.5 and 0.9, and
    the standard deviation of the differences between frames; and the clip's number of frames.
    """
    transform = cosine_transform(CEPSTRA, clips.bands)
    return torch.stack([_describe(clip, transform) for clip in clips.clips])


def cosine_transform(coefficients: int, bands: int) -> torch.Tensor:
    """Return (bands, coefficients): the orthonormal DCT-II without its constant, which is the level."""
    return create_dct(coefficients + 1, bands, norm="ortho")[:, 1:]


def _describe(clip: torch.Tensor, transform: torch.Tensor) -> torch.Tensor:
    courses = torch.cat([clip @ transform, clip.mean(dim=1, keepdim=True)], dim=1)
    quantiles = courses.quantile(torch.tensor(QUANTILES), dim=0)
    changes = courses.diff(dim=0).std(dim=0, correction=0)
    deviation, mean = torch.std_mean(courses, dim=0, correction=0)
    return torch.cat([mean, deviation, *quantiles, changes, torch.tensor([float(len(clip))])])
