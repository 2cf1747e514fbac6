"""Log-mel spectrograms → MFCC."""

import dataclasses
import functools

import torch
from torchaudio.functional import create_dct

from ser.storage.params import check


@dataclasses.dataclass(frozen=True)
class MfccSettings:
    n_mfcc: int


def mfcc_from_mel(log_mel: torch.Tensor, n_mfcc: int) -> torch.Tensor:
    """Turn (clip, 1, n_mels, frames) in dB into (clip, frames, n_mfcc): the orthonormal DCT-II over the mel bands.

    Equal to torchaudio.transforms.MFCC with the same mel settings, whose first step is the same log-mel.
    """
    n_mels = log_mel.shape[-2]
    check(1 <= n_mfcc <= n_mels, "n_mfcc", n_mfcc, f"1 to n_mels ({n_mels})")
    return log_mel.squeeze(1).transpose(1, 2) @ _dct(n_mfcc, n_mels)


@functools.cache
def _dct(n_mfcc: int, n_mels: int) -> torch.Tensor:
    return create_dct(n_mfcc, n_mels, norm="ortho")
