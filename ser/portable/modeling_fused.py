"""PortableFused for transformers."""

from ser.portable.classification import SerConfig, SerForAudioClassification
from ser.portable.fused import PortableFused


class SerFusedConfig(SerConfig):
    model_type = "ser-fused"


class SerFusedForAudioClassification(SerForAudioClassification):
    config_class = SerFusedConfig
    network_class = PortableFused
