"""AudioCNN on mel: its settings, and how it is trained, saved and loaded."""

import dataclasses

from ser.models.fixed_length import FixedLengthModel
from ser.networks.cnn import AudioCNN, AudioCNNConfig
from ser.training.best_epoch import BatchNormSettings


@dataclasses.dataclass(frozen=True)
class Settings(BatchNormSettings):
    network: AudioCNNConfig


class CNN(FixedLengthModel):
    name = "cnn"
    network_kind = AudioCNN
    settings_kind = Settings
