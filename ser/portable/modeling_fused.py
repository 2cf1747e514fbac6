"""PortableFused for transformers."""

from .classification import SerConfig, SerForAudioClassification
from .fused import PortableFused


class SerFusedConfig(SerConfig):
    model_type = "ser-fused"


class SerFusedForAudioClassification(SerForAudioClassification):
    config_class = SerFusedConfig
    network_class = PortableFused
