"""The front end of AudioLSTM: waveforms → MFCC of one length."""

import dataclasses

import torch

from ser.features.fixed_mel import FixedMel
from ser.features.mfcc import MfccSettings, mfcc_from_mel


@dataclasses.dataclass(frozen=True)
class FixedMfcc(FixedMel):
    """Waveforms, a list of (time,) float32 → (clip, frames, n_mfcc)."""

    mfcc: MfccSettings

    def __call__(self, waveforms: list[torch.Tensor]) -> torch.Tensor:
        return mfcc_from_mel(super().__call__(waveforms), self.mfcc.n_mfcc)
