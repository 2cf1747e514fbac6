"""CNN-LSTM on mel, the hybrid's first half: its settings, and how it is trained, saved, loaded and embeds."""

import dataclasses

import torch

from ser.models.fixed_length import FixedLengthModel
from ser.networks.cnn_lstm import CNNLSTM, CNNLSTMConfig
from ser.training.best_epoch import BatchNormSettings

BATCH = 64


@dataclasses.dataclass(frozen=True)
class Settings(BatchNormSettings):
    network: CNNLSTMConfig


class Extractor(FixedLengthModel):
    name = "extractor"
    network_kind = CNNLSTM
    settings_kind = Settings

    @torch.inference_mode()
    def embed(self, features: torch.Tensor) -> torch.Tensor:
        """Return the embeddings (clip, 512) float32 of features (clip, …), which LightGBM learns from."""
        self.network.eval()
        return torch.cat([self.network.embed(batch.to(self.device)).cpu() for batch in features.split(BATCH)])
