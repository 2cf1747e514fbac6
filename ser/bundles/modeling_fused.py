"""PortableFused for transformers."""

from ser.bundles.classification import SerConfig, SerForAudioClassification
from ser.bundles.fused import PortableFused


class SerFusedConfig(SerConfig):
    model_type = "ser-fused"


class SerFusedForAudioClassification(SerForAudioClassification):
    config_class = SerFusedConfig
    network_class = PortableFused
