"""AudioLSTM on MFCC: its settings, and how it is trained, saved and loaded."""

import dataclasses

from ser.models.fixed_length import FixedLengthModel
from ser.networks.lstm import AudioLSTM, AudioLSTMConfig
from ser.training.best_epoch import BestEpochSettings


@dataclasses.dataclass(frozen=True)
class Settings(BestEpochSettings):
    network: AudioLSTMConfig


class LSTM(FixedLengthModel):
    name = "lstm"
    network_kind = AudioLSTM
    settings_kind = Settings
